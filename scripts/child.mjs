import { spawn } from 'node:child_process'

/**
 * Runs a program to its end and gives its exit code and, where `capture` is set, what it printed.
 * A signal to this process goes to the program first, so that nothing is left running.
 */
export function run(command, args, { capture = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = capture ? ['ignore', 'pipe', 'pipe'] : 'inherit'
    const child = spawn(command, args, { stdio, ...options })

    const forward = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    const finish = () => {
      for (const signal of signals) process.off(signal, forward)
    }

    let output = ''
    let stdout = ''
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      output += text
    })
    child.on('error', (error) => {
      finish()
      reject(error)
    })
    child.on('close', (code, signal) => {
      finish()
      // Who was stopped by a signal must not go on with the next step.
      if (signal !== null) process.kill(process.pid, signal)
      resolve({ code: code ?? 1, output, stdout })
    })
  })
}
