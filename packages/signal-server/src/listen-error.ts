/**
 * Says in a sentence why a server cannot listen; keeps the system's `code`.
 * @param place - such as `port 8080`, or the path of a Unix socket
 */
export function listenError(error: NodeJS.ErrnoException, place: string): Error {
  const isPort = place.startsWith('port ')
  const name = place.replace(/^p/, 'P')
  const sentences: Record<string, string> = isPort
    ? {
        EADDRINUSE: `${name} is in use already: end the program that uses it, or choose another port.`,
        EACCES: `${name} may not be used by this user: choose one above 1023.`,
      }
    : {
        EADDRINUSE: `${place} is in use already: end the program that uses it, or choose another path.`,
        EACCES: `This user may not listen on ${place}: choose a folder that it may write to.`,
        ENOENT: `Cannot listen on ${place}: its folder does not exist.`,
      }
  const sentence = sentences[error.code ?? ''] ?? `Cannot listen on ${place}: ${error.message}`
  return Object.assign(new Error(sentence, { cause: error }), { code: error.code })
}
