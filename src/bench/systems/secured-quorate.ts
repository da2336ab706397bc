/** Nodes of this store with TLS on both ports, and nodes that also ask for tokens. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Agent, request } from 'undici'
import { type QuorateOptions, startQuorate } from './quorate-system.ts'
import type { RunningSystem } from './system.ts'

const NAMES = 'DNS:n1,DNS:n2,DNS:n3,DNS:localhost,IP:127.0.0.1'
const CURVE = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'

/** A token that may read and write one bucket carries the load. */
export async function startSecured(
  options: QuorateOptions,
  withTokens: boolean,
): Promise<RunningSystem> {
  const folder = join(options.dataDir, 'pem')
  const ca = await makeCertificates(folder)
  const root = randomBytes(32).toString('hex')
  writeFileSync(join(folder, 'root-token'), root)
  const dispatcher = new Agent({ connect: { ca } })
  const rootHeaders = withTokens ? bearer(root) : {}
  const env = {
    ...options.env,
    QUORATE_TLS_CERT: join(folder, 'cert.pem'),
    QUORATE_TLS_KEY: join(folder, 'cert.key'),
    QUORATE_PEER_TLS_CERT: join(folder, 'cert.pem'),
    QUORATE_PEER_TLS_KEY: join(folder, 'cert.key'),
    QUORATE_PEER_TLS_CA: join(folder, 'ca.pem'),
    ...(withTokens
      ? { QUORATE_AUTH: 'on', QUORATE_ROOT_TOKEN_FILE: join(folder, 'root-token') }
      : {}),
  }
  const system = await startQuorate({ ...options, env }, { dispatcher, headers: rootHeaders })
  const stop = async (): Promise<void> => {
    await system.stop()
    await dispatcher.close()
  }
  const token = withTokens ? await makeToken(system.urls[0] ?? '', root, dispatcher) : undefined
  const headers = token === undefined ? {} : bearer(token)
  return { ...system, stop, access: { dispatcher, headers } }
}

/** One certificate for all nodes and both ports, and its CA. Returns the CA. */
async function makeCertificates(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const openssl = (call: string): Promise<unknown> =>
    promisify(execFile)('openssl', call.split(' '), { cwd: folder })
  const names = `subjectAltName=${NAMES}\nextendedKeyUsage=serverAuth,clientAuth\n`
  writeFileSync(join(folder, 'extensions'), names)
  const usage = '-addext keyUsage=critical,keyCertSign'
  await openssl(`req -x509 ${CURVE} -days 2 -subj /CN=CA ${usage} -keyout ca.key -out ca.pem`)
  await openssl(`req -new ${CURVE} -subj /CN=node -keyout cert.key -out request`)
  const signing = '-CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile extensions'
  await openssl(`x509 -req -in request ${signing} -out cert.pem`)
  return readFileSync(join(folder, 'ca.pem'), 'utf8')
}

async function makeToken(url: string, root: string, dispatcher: Agent): Promise<string> {
  const grants = [{ bucket: 'default', prefix: '', rights: ['read', 'write'] }]
  const { statusCode, body } = await request(`${url}/v1/access/tokens`, {
    method: 'POST',
    headers: { ...bearer(root), 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench', grants }),
    dispatcher,
  })
  const text = await body.text()
  if (statusCode !== 201) throw new Error(`no token was made: ${statusCode} ${text}`)
  return (JSON.parse(text) as { token: string }).token
}

function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` }
}
