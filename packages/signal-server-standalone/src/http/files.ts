import { realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import express, { type RequestHandler } from 'express'

/**
 * Serves the files of a folder: `/demo` is `demo.html` if nothing has the name `demo`. A link is
 * followed if it stays in the folder, and otherwise is treated as if it did not exist. Files and
 * folders whose name begins with a dot are never served, whatever the name of a link to them.
 */
export function files(folder: string): RequestHandler {
  const serve = express.static(folder)
  return async (request, response, next) => {
    const found = await find(folder, request.path)
    if (found === undefined) return next()
    const { url } = request
    // what is served is the path that was checked, in which there is no link
    request.url = found
    serve(request, response, (error?: unknown) => {
      request.url = url
      next(error)
    })
  }
}

/**
 * Finds the file of a path, with all links followed.
 * @returns a path below the folder, percent-encoded; undefined if there is none, or not inside
 */
async function find(folder: string, path: string): Promise<string | undefined> {
  try {
    const name = decodeURIComponent(path.endsWith('/') ? `${path}index.html` : path)
    // looked up at each request, as the folder may be a link that a deployment changes
    const root = await realpath(folder)
    const file = await realpath(join(root, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return realpath(join(root, `${name}.html`))
    })
    const inside = relative(root, file)
    // another drive
    if (isAbsolute(inside)) return undefined
    const segments = inside.split(sep)
    // outside, the first segment is ".."
    if (segments.some((segment) => segment.startsWith('.'))) return undefined
    return `/${segments.map(encodeURIComponent).join('/')}`
  } catch {
    return undefined
  }
}
