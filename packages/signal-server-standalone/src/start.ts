#!/usr/bin/env -S node --initial-old-space-size=256 --
import { run } from './command.js'

const code = await run(process.argv.slice(2), process.env)
// a server goes on until a signal ends it
if (code !== undefined) process.exitCode = code
