/**
 * Says in a sentence why a server cannot listen; keeps the system's `code`.
 * @param place - such as `port 8080`, or the path of a Unix socket
 * @param code - what is the matter, if it is not what the system says
 */
export function listenError(
  error: NodeJS.ErrnoException & { address?: string; hostname?: string },
  place: string,
  code = error.code,
): Error {
  const isPort = place.startsWith('port ')
  const name = place.replace(/^p/, 'P')
  const sentences: Record<string, string> = isPort
    ? {
        EADDRINUSE: `${name} is in use already: end the program that uses it, or choose another port.`,
        EACCES: `${name} may not be used by this user: choose one above 1023.`,
        EADDRNOTAVAIL: `Cannot listen on ${error.address}: this machine has no such address. Choose one that it has, or none for all.`,
        ENOTFOUND: `Cannot listen on ${error.hostname}: this name has no address. Choose an address of this machine, or none for all.`,
      }
    : {
        EADDRINUSE: `${place} is in use already: end the program that uses it, or choose another path.`,
        EACCES: `This user may not listen on ${place}: choose a folder that it may write to.`,
        EEXIST: `Cannot listen on ${place}: there is a file or folder that is no socket. Choose another path.`,
        ENOENT: `Cannot listen on ${place}: its folder does not exist. Make it, or choose another path.`,
        ENOTDIR: `Cannot listen on ${place}: a part of its path is a file and no folder. Choose another path.`,
      }
  const sentence = sentences[code ?? ''] ?? `Cannot listen on ${place}: ${error.message}`
  return Object.assign(new Error(sentence, { cause: error }), { code: error.code })
}
