/** Says in a sentence why a port cannot be listened on; keeps the system's `code`. */
export function listenError(error: NodeJS.ErrnoException, port: number): Error {
  const sentence =
    error.code === 'EADDRINUSE'
      ? `Port ${port} is in use already: end the program that uses it, or choose another port.`
      : error.code === 'EACCES'
        ? `Port ${port} may not be used by this user: choose one above 1023.`
        : `Cannot listen on port ${port}: ${error.message}`
  return Object.assign(new Error(sentence, { cause: error }), { code: error.code })
}
