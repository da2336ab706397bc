/** The options of every command that talks to a cluster, and the clients that they lead to. */
import { createClient, type Level, type Quorate } from '../../client/quorate.ts'
import { SYSTEM_PORTS } from '../../client/request/ports.ts'
import { Sender } from '../../client/request/sender.ts'
import type { Word } from '../../command-line/command.ts'
import { TOKEN_OPTION, tokenIn } from '../../command-line/token.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import type { World } from '../world.ts'
import { TLS_OPTIONS } from './tls-options.ts'

export const DEFAULT_ENDPOINT = 'http://localhost:8001'
const ENDPOINTS_VARIABLE = 'QUORATE_ENDPOINTS'
const TIMEOUT_MS = 5000
const TIMEOUT_MS_MAX = 600_000

export const ENDPOINT_OPTIONS = {
  endpoints: {
    kind: 'list',
    placeholder: 'URL,URL',
    otherwise: `the variable ${ENDPOINTS_VARIABLE}, or ${DEFAULT_ENDPOINT}`,
    about:
      'The client addresses of nodes. One of them is asked; if it does not answer, another one.',
  },
  'token-file': TOKEN_OPTION,
  timeout: {
    kind: 'duration',
    max: TIMEOUT_MS_MAX,
    default: TIMEOUT_MS,
    about: 'How long a request may take, with all attempts.',
  },
  ...TLS_OPTIONS,
} as const

/** For commands whose result has a form for programs. */
export const STORE_OPTIONS = {
  ...ENDPOINT_OPTIONS,
  json: {
    kind: 'flag',
    about: 'Print JSON in the form that src/cli/README.md promises, one object a line.',
  },
} as const

const LEVELS: readonly Level[] = ['weak', 'eventual', 'causal', 'quorum', 'all', 'strong']

export const CONSISTENCY_OPTION = {
  kind: 'choice',
  names: LEVELS,
  otherwise: 'the level of the bucket',
  about: 'What the request waits for, and therefore promises.',
} as const

export const BUCKET_WORD: Word = {
  name: 'BUCKET',
  value: {
    kind: 'text',
    placeholder: 'BUCKET',
    pattern: /^[a-z0-9][a-z0-9._-]{0,62}$/,
    expected:
      'the name of a bucket: 1 to 63 of a-z, 0-9, dots, dashes and underscores, the first one a letter or a digit',
  },
}

/** Node.js puts U+FFFD in the place of bytes that are not UTF-8: that would be another key. */
export const KEY_WORD: Word = {
  name: 'KEY',
  value: {
    kind: 'text',
    placeholder: 'KEY',
    pattern: /^(?!\.{1,2}$)[^\uFFFD]+$/,
    expected: 'a key in UTF-8, and not . or ..',
  },
}

export interface StoreValues {
  readonly endpoints: readonly string[] | undefined
  readonly timeout: number
}

/** Throws UsageError. */
export function endpointsOf(values: StoreValues, { env }: Pick<World, 'env'>): readonly string[] {
  const variable = env[ENDPOINTS_VARIABLE]
  const [label, given] =
    values.endpoints !== undefined
      ? ['--endpoints', values.endpoints]
      : [ENDPOINTS_VARIABLE, variable ? variable.split(',') : [DEFAULT_ENDPOINT]]
  return given.map((text) => endpointOf(label, text.trim()))
}

/** The token that the options or the environment give. Throws UsageError, or rejects as `readFile` does. */
export async function tokenOf(
  file: unknown,
  { env, readFile }: Pick<World, 'env' | 'readFile'>,
): Promise<string | undefined> {
  if (typeof file !== 'string') return tokenIn(undefined, env)
  return tokenIn({ file, text: new TextDecoder().decode(await readFile(file)) }, env)
}

export function openClient(values: StoreValues, world: World): Quorate {
  const endpoints = endpointsOf(values, world)
  const { token, fetch } = world
  return createClient({ endpoints, token, timeoutMs: values.timeout, fetch })
}

/** Sends requests about the cluster, for which the client has no methods. */
export function openSender(values: StoreValues, world: World): Sender {
  return senderTo(endpointsOf(values, world), values, world, 5)
}

/** One for each endpoint, to ask every one of them. */
export function openSenders(
  values: StoreValues,
  world: World,
): readonly { readonly endpoint: string; readonly sender: Sender }[] {
  return endpointsOf(values, world).map((endpoint) => ({
    endpoint,
    sender: senderTo([endpoint], values, world, 1),
  }))
}

function senderTo(
  endpoints: readonly string[],
  { timeout: timeoutMs }: StoreValues,
  { token, fetch = SYSTEM_PORTS.fetch }: World,
  attempts: number,
): Sender {
  const retry = { attempts, baseMs: 50, maxMs: 1000 }
  return new Sender({ endpoints, token, timeoutMs, retry }, { ...SYSTEM_PORTS, fetch })
}

/** An address without a scheme is one of HTTP, as for curl. */
function endpointOf(label: string, text: string): string {
  const url = text.includes('://') ? text : `http://${text}`
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isPlain =
    parsed !== undefined &&
    /^https?:$/.test(parsed.protocol) &&
    parsed.search + parsed.hash + parsed.username + parsed.password === ''
  if (isPlain && text !== '') return parsed.href.replace(/\/+$/, '')
  throw new UsageError(`${label} ${text}: must be addresses such as ${DEFAULT_ENDPOINT}`)
}
