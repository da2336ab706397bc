/**
 * Finds out whether other nodes will accept the certificate of this node: both ends of a connection in memory show it to
 * each other, and check it against the CA file. So OpenSSL itself decides, as it will between nodes.
 */
import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { connect, createServer, type TLSSocket } from 'node:tls'

import { certificateFault, isTimeFault, type KeyMaterial } from '../../ports/certificates.ts'
import { type PemFileSet, shown } from './pem-certificates.ts'

export interface OwnFault {
  /** Names the file, and says what to do. */
  readonly message: string
  /** The certificate was, or will be, accepted. */
  readonly isTimeFault: boolean
}

/** Undefined if nodes with the same CA file accept the certificate. */
export async function ownFault(
  material: KeyMaterial,
  files: PemFileSet,
): Promise<OwnFault | undefined> {
  const code = await selfRefusal(material)
  if (code === undefined) return undefined
  const ca = files.ca === undefined ? 'the CA file' : shown(files.ca)
  const why = certificateFault(code, {
    unknownCa: `no CA of ${ca} has signed it. First add its CA to that file on every node`,
    wrongUsage: 'its extended key usage must allow both serverAuth and clientAuth',
  })
  const message = `${shown(files.cert)}: other nodes refuse it: ${why ?? code}`
  return { message, isTimeFault: isTimeFault(code) }
}

/** The code with which one of the ends refuses the other. */
async function selfRefusal({ cert, key, ca }: KeyMaterial): Promise<string | undefined> {
  const both = { cert, key, ...(ca === undefined ? {} : { ca }), rejectUnauthorized: false }
  // It never listens.
  const server = createServer({ ...both, requestCert: true })
  const [near, far] = duplexPair()
  const failed = new Promise<never>((_resolve, reject) => server.once('tlsClientError', reject))
  const client = connect({ ...both, socket: near, checkServerIdentity: () => undefined })
  client.on('error', () => client.destroy())
  try {
    const secured = Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')])
    server.emit('connection', far)
    const [[accepted]] = (await Promise.race([failed, secured])) as [[TLSSocket], unknown]
    accepted.on('error', () => accepted.destroy())
    const refusing = [client, accepted].find(({ authorized }) => !authorized)
    // Typed as an error, it is the code of one.
    return refusing && String(refusing.authorizationError)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    client.destroy()
  }
}
