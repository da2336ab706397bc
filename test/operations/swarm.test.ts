/** The stack for Docker Swarm: its nodes get settings that they take, each on its own machine, and no port is published. */
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseSettings } from '../../src/server/settings/settings.ts'
import { readText } from './kubernetes-objects.ts'

interface Service {
  readonly image: string
  readonly ports?: unknown
  readonly environment: Readonly<Record<string, string>>
  readonly volumes: readonly string[]
  readonly networks: { readonly peer: { readonly aliases: readonly string[] } }
  readonly deploy: {
    readonly endpoint_mode: string
    readonly placement: { readonly constraints: readonly string[] }
  }
}

interface Stack {
  readonly services: Readonly<Record<string, Service>>
  readonly networks?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly volumes: Readonly<Record<string, null>>
}

/** Variables as Docker replaces them, where only those in `env` are set. */
function readStack(path: string, env: Readonly<Record<string, string>> = {}): Stack {
  const text = readText(path).replaceAll(
    /\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}/g,
    (_, name: string, otherwise?: string) => env[name] ?? otherwise ?? `the ${name}`,
  )
  return parse(text, { merge: true }) as Stack
}

const zones = { QUORATE_N1_ZONE: 'a', QUORATE_N2_ZONE: 'b', QUORATE_N4_ZONE: 'c' }
const first = readStack('docker/swarm/stack.yml', zones)
const more = readStack('docker/swarm/more.yml', zones)
const services = Object.entries({ ...first.services, ...more.services })

test('there are three founders and two more', () => {
  expect(Object.keys(first.services)).toEqual(['n1', 'n2', 'n3'])
  expect(Object.keys(more.services)).toEqual(['n4', 'n5'])
})

describe.each(services)('%s', (id, service) => {
  const { environment, deploy } = service

  test('takes its settings', () => {
    const read = parseSettings({ ...environment, QUORATE_DATA_DIR: '/data' })
    if (!read.ok) throw new Error(read.problem)
    expect(read.ignored).toEqual([])
    expect(read.settings).toMatchObject({
      nodeId: id,
      peerListen: { host: '10.214.0.0/24', port: 7080 },
    })
    const url = `http://${service.networks.peer.aliases[0]}:7080`
    if (id in first.services) {
      expect(read.settings.members.find((member) => member.id === id)?.peerUrl).toBe(url)
      expect(read.settings.members.map(({ zone }) => zone)).toEqual(['a', 'b', 'default'])
    } else {
      const zone = id === 'n4' ? 'c' : 'default'
      const seeds = Object.keys(first.services).map((seed) => `http://${seed}.peer:7080`)
      expect(read.settings.join).toMatchObject({ seeds, peerUrl: url, zone })
    }
  })

  test('stays with its volume, and publishes nothing', () => {
    expect(service.volumes).toEqual([`${id}:/data`])
    expect({ ...first.volumes, ...more.volumes }).toHaveProperty(id)
    expect(deploy.placement.constraints).toEqual([`node.labels.quorate.${id} == true`])
    expect(deploy.endpoint_mode).toBe('dnsrr')
    expect(service.ports).toBeUndefined()
    expect(service).toMatchObject({
      image: 'the QUORATE_IMAGE',
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
    })
  })
})

test('only the nodes are on the network of the peers', () => {
  expect(first.networks).toMatchObject({
    client: { attachable: true },
    peer: { internal: true, driver_opts: { encrypted: '' } },
  })
})

describe('with TLS and tokens', () => {
  interface Secured {
    readonly services: Readonly<
      Record<
        string,
        {
          readonly environment: Readonly<Record<string, string>>
          readonly secrets: readonly { readonly source: string; readonly target: string }[]
        }
      >
    >
    readonly secrets: Readonly<Record<string, { readonly name: string; readonly file: string }>>
  }
  const env = { QUORATE_TLS_DIR: '/files' }
  const files = ['tls', 'more-tls'].map(
    (name) => readStack(`docker/swarm/${name}.yml`, env) as unknown as Secured,
  )
  const secured = Object.fromEntries(files.flatMap((file) => Object.entries(file.services)))
  const secrets = Object.fromEntries(files.flatMap((file) => Object.entries(file.secrets)))

  test.each(services)('%s takes the settings, and has every file that they name', (id, service) => {
    const environment = { ...service.environment, ...secured[id]?.environment }
    const read = parseSettings({ ...environment, QUORATE_DATA_DIR: '/data' })
    if (!read.ok) throw new Error(read.problem)
    expect(read.settings).toMatchObject({ peerTls: { isRequired: true }, clientTls: {} })
    const named = Object.values(environment)
      .filter((value) => value.startsWith('/run/secrets/'))
      .map((path) => path.slice('/run/secrets/'.length))
    const mounted = secured[id]?.secrets ?? []
    expect(mounted.map(({ target }) => target).sort()).toEqual(named.sort())
    for (const { source, target } of mounted) {
      const own = target === 'peer-ca.pem' ? 'ca' : target === 'root-token' ? 'client' : id
      expect(secrets[source]?.file).toBe(`/files/${own}/${target}`)
      // Swarm takes names of at most 64 characters, and changes no secret.
      expect(secrets[source]?.name).toMatch(/^quorate-1-[a-z0-9-]{1,40}$/)
    }
  })
})
