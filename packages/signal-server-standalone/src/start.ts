#!/usr/bin/env node
import { run } from './command.js'

const code = await run(process.argv.slice(2), process.env)
// a server goes on until a signal ends it
if (code !== undefined) process.exitCode = code
