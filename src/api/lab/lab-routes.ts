/** `/ui/` serves the lab from the directory into which it was built. */
import type { FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { QuorateError } from '../../core/errors.ts'
import { serve } from '../http/endpoint.ts'
import { type HeaderList, respond } from '../http/respond.ts'
import { GET_LAB, GET_LAB_FILE, GET_LAB_PATH } from './lab-endpoints.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
/** One name without a slash, which cannot leave the directory. */
const FILE_NAME = /^[\w-]+(?:\.[\w-]+)*$/
const NO_BODY = Buffer.alloc(0)
const POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The files are read for each request, so that a lab that is built later is served without a restart. */
export function addLabRoutes(app: FastifyInstance, directory: string): void {
  serve(app, GET_LAB, async (_request, reply) => {
    const page = await fileAt(join(directory, 'index.html'))
    if (page === undefined) {
      throw new QuorateError(
        'path_unknown',
        'The lab is not built here. Run `npm run lab -- --out dist/lab`, or open it with `npm run lab`.',
      )
    }
    respond(reply, 200, headers('text/html; charset=utf-8', 'no-cache'), page)
  })
  serve(app, GET_LAB_PATH, (_request, reply) => {
    // A relative address also works behind a proxy that puts a path before it.
    respond(reply, 308, ['Location', 'ui/'], NO_BODY)
  })
  serve(app, GET_LAB_FILE, async (request, reply) => {
    const { file = '' } = request.params
    const type = TYPES[extname(file)]
    const isName = type !== undefined && FILE_NAME.test(file)
    const content = isName ? await fileAt(join(directory, 'assets', file)) : undefined
    if (type === undefined || content === undefined) {
      throw new QuorateError('path_unknown', 'The lab has no such file. Load its page again.')
    }
    respond(reply, 200, headers(type, 'public, max-age=31536000, immutable'), content)
  })
}

function headers(type: string, caching: string): HeaderList {
  return [
    'Content-Type',
    type,
    'Cache-Control',
    caching,
    'Content-Security-Policy',
    POLICY,
    'X-Content-Type-Options',
    'nosniff',
  ]
}

/** Undefined if there is no such file. */
async function fileAt(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch {
    return undefined
  }
}
