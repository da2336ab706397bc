/** The options for https:// endpoints, and the `fetch` that they lead to. */
import type { Fetch } from '../../client/quorate.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import type { World } from '../world.ts'
import { type ClientPem, httpsFetch } from './https-fetch.ts'

const VARIABLES = { ca: 'QUORATE_CA', cert: 'QUORATE_CERT', key: 'QUORATE_KEY' } as const

export const TLS_OPTIONS = {
  ca: {
    kind: 'text',
    placeholder: 'FILE',
    otherwise: `the variable ${VARIABLES.ca}, or the CAs that Node.js knows`,
    about:
      'For https:// endpoints: a PEM file with the CA that signed the certificates of the nodes.',
  },
  cert: {
    kind: 'text',
    placeholder: 'FILE',
    otherwise: `the variable ${VARIABLES.cert}`,
    about: 'A PEM file with the certificate of this client, if the nodes ask for one.',
  },
  key: {
    kind: 'text',
    placeholder: 'FILE',
    otherwise: `the variable ${VARIABLES.key}`,
    about: 'A PEM file with the key of that certificate.',
  },
} as const

/** Undefined if `fetch` itself will do. Rejects with a UsageError, or with an Error that names the file. */
export async function fetchOf(
  values: Readonly<Record<string, unknown>>,
  { env, readFile }: Pick<World, 'env' | 'readFile'>,
): Promise<Fetch | undefined> {
  const pathOf = (name: keyof typeof VARIABLES): string | undefined =>
    (values[name] as string | undefined) ?? (env[VARIABLES[name]] || undefined)
  const paths = { ca: pathOf('ca'), cert: pathOf('cert'), key: pathOf('key') }
  if ((paths.cert === undefined) !== (paths.key === undefined)) {
    throw new UsageError('--cert and --key go together')
  }
  if (paths.ca === undefined && paths.cert === undefined) return undefined
  const read = async (path: string | undefined): Promise<string | undefined> =>
    path === undefined ? undefined : Buffer.from(await readFile(path)).toString('utf8')
  const pem: ClientPem = {
    ca: await read(paths.ca),
    cert: await read(paths.cert),
    key: await read(paths.key),
  }
  return httpsFetch(pem)
}
