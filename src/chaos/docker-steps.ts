/**
 * Translates a fault into the arguments of `docker` commands, in order. Pure, so that a dry run prints exactly the
 * commands of a real run.
 *
 * Groups become networks: the largest group stays on the peer network. Every other group gets its own network, to which
 * its members move with the same last number of the address and the same alias. Single links become iptables rules in
 * a node's network namespace. A sidecar container puts them there, in a chain of their own.
 */
import { CLOCK_FAULT_FILE, clockFaultText } from './clock-fault.ts'
import { UsageError } from '../command-line/usage-error.ts'
import {
  type FileFault,
  type ClockFault,
  lossPercent,
  type NetworkFault,
  orderedPairs,
  type ProcessFault,
  turnMs,
} from './chaos-fault.ts'
import type { NodeContainer } from './docker-client.ts'
import { DATABASE_DIRECTORY } from './file-damage.ts'

export type DockerStep = readonly string[]

export interface DockerNetwork {
  readonly project: string
  /** The first two numbers of the peer addresses: `10.213`. */
  readonly range: string
}

export const SIDECAR_IMAGE = 'quorate-chaos:local'
export const CHAOS_LABEL = 'quorate.chaos'
/** Marks the containers that make links flap. */
export const FLAP_LABEL = 'quorate.chaos.flap'
const CHAIN = 'QUORATE_CHAOS'
const PEER_PORT = 7080
const FLAP_MS_MAX = 3_600_000

export function peerNetwork({ project }: Pick<DockerNetwork, 'project'>): string {
  return `${project}_peer`
}

/** Whether the container has a network namespace. It ends with the container, together with all rules in it. */
export function hasNamespace({ state }: NodeContainer): boolean {
  return state === 'running' || state === 'paused'
}

export function networkSteps(
  fault: NetworkFault,
  nodes: readonly NodeContainer[],
  network: DockerNetwork,
): DockerStep[] {
  return fault.type === 'groups'
    ? groupSteps(fault.groups, nodes, network)
    : linkSteps(fault, nodes, network)
}

/** Kills the node, and damages a file of its volume with the program of its own image. */
export function fileSteps({ type }: FileFault, node: NodeContainer): DockerStep[] {
  const { container, image } = node
  const script =
    `import { randomInt } from 'node:crypto'; ` +
    `import { damageFile } from '/app/src/chaos/file-damage.ts'; ` +
    `console.log(await damageFile(process.env.QUORATE_DATA_DIR + '/${DATABASE_DIRECTORY}', '${type}', randomInt))`
  const run = [
    'run',
    '--rm',
    '--network',
    'none',
    '--volumes-from',
    container,
    '--entrypoint',
    'node',
  ]
  return [
    ...(hasNamespace(node) ? [['kill', container]] : []),
    [...run, image, '--input-type=module', '--eval', script],
  ]
}

/**
 * No steps if the node is already in the wanted state. Throws UsageError for a pause of a node that does not
 * run.
 */
export function processSteps({ type }: ProcessFault, node: NodeContainer): DockerStep[] {
  const { id, container, state } = node
  switch (type) {
    case 'kill':
      return hasNamespace(node) ? [['kill', container]] : []
    case 'pause':
      if (!hasNamespace(node)) throw new UsageError(`${id} is ${state}: it cannot be paused`)
      return state === 'paused' ? [] : [['pause', container]]
    case 'restart':
      return [...(state === 'paused' ? [['unpause', container]] : []), ['restart', container]]
    default:
      return type satisfies never
  }
}

/** Throws UsageError if the node does not run. */
export function skewStep(fault: ClockFault, node: NodeContainer, untilMs: number): DockerStep {
  const { id, container, state } = node
  if (state !== 'running') throw new UsageError(`${id} is ${state}: its clock cannot be set`)
  const file = `$QUORATE_DATA_DIR/${CLOCK_FAULT_FILE}`
  // Rename the file into place, so that the node never reads a partial file.
  const write = `echo '${clockFaultText(fault, untilMs)}' > ${file}.new && mv ${file}.new ${file}`
  return ['exec', container, 'sh', '-c', write]
}

export function unskewStep({ container }: NodeContainer): DockerStep {
  return ['exec', container, 'sh', '-c', `rm -f $QUORATE_DATA_DIR/${CLOCK_FAULT_FILE}`]
}

/** Also starts nodes that ended without chaos, because every node of a healed cluster runs. */
export function healProcessSteps(nodes: readonly NodeContainer[]): DockerStep[] {
  return nodes.flatMap(({ container, state }): DockerStep[] => {
    if (state === 'paused') return [['unpause', container]]
    return state === 'running' ? [] : [['start', container]]
  })
}

/** Puts a node back on the peer network, with its pinned address and alias. */
export function reconnectStep(node: NodeContainer, network: DockerNetwork): DockerStep {
  return connectStep(node, peerNetwork(network), addressOf(node.id, network, 0))
}

export function disconnectStep(node: NodeContainer, network: DockerNetwork): DockerStep {
  return ['network', 'disconnect', '--force', peerNetwork(network), node.container]
}

/** The connection of a container to a network, as `docker inspect` prints it. */
export interface NetworkPlace {
  readonly Aliases: readonly string[] | null
  /** '' while the container does not run. */
  readonly IPAddress: string
  /** The address that was requested. */
  readonly IPAMConfig: { readonly IPv4Address?: string } | null
}

/** Whether the node has its usual alias and its pinned address, which the rules use. */
export function isAtHome(
  { id }: NodeContainer,
  { Aliases: aliases, IPAddress: address, IPAMConfig: asked }: NetworkPlace,
  network: DockerNetwork,
): boolean {
  const found = address === '' ? asked?.IPv4Address : address
  return aliases?.includes(aliasOf(id)) === true && found === addressOf(id, network, 0)
}

export function removeRulesStep(node: NodeContainer): DockerStep {
  const undo = [`-D INPUT -j ${CHAIN}`, `-F ${CHAIN}`, `-X ${CHAIN}`]
  return sidecarStep(
    node,
    undo.map((rule) => `iptables -w ${rule} 2>/dev/null`).join('; ') + '; true',
  )
}

function groupSteps(
  groups: readonly (readonly string[])[],
  nodes: readonly NodeContainer[],
  network: DockerNetwork,
): DockerStep[] {
  const bySize = [...groups].sort((a, b) => b.length - a.length)
  const [stays = [], ...others] = bySize
  const steps: DockerStep[] = []
  const containerOf = (id: string): NodeContainer =>
    nodes.find((node) => node.id === id) as NodeContainer
  others.forEach((group, i) => {
    const number = i + 1
    const name = `${peerNetwork(network)}-g${number}`
    if (group.length > 1) {
      const subnet = `${network.range}.${number}.0/24`
      const label = `${CHAOS_LABEL}=${network.project}`
      steps.push(['network', 'create', '--internal', '--subnet', subnet, '--label', label, name])
      for (const id of group)
        steps.push(connectStep(containerOf(id), name, addressOf(id, network, number)))
    }
    for (const id of group) {
      if (stays.includes(id)) continue
      steps.push([
        'network',
        'disconnect',
        '--force',
        peerNetwork(network),
        containerOf(id).container,
      ])
    }
  })
  return steps
}

/**
 * The receiving node drops the packets. The rules match only packets to the peer port, so the reverse link still works.
 * A node that does not run gets its rules when it starts. For a flapping link, a sidecar that keeps running switches
 * the rules on and off.
 */
function linkSteps(
  fault: NetworkFault,
  nodes: readonly NodeContainer[],
  network: DockerNetwork,
): DockerStep[] {
  const rules = new Map<string, string[]>()
  const turns = new Map<string, number>()
  for (const [from, to] of orderedPairs(nodes.map(({ id }) => id))) {
    const percent = lossPercent(fault, from, to)
    if (percent === 0) continue
    const chance =
      percent === 100 ? '' : ` -m statistic --mode random --probability ${percent / 100}`
    const source = addressOf(from, network, 0)
    const rule = `iptables -w -A ${CHAIN} -s ${source} -p tcp --dport ${PEER_PORT}${chance} -j DROP`
    rules.set(to, [...(rules.get(to) ?? []), rule])
    const turn = turnMs(fault, from, to)
    if (turn !== undefined) turns.set(to, turn)
  }
  return nodes
    .filter((node) => rules.has(node.id) && hasNamespace(node))
    .map((node) => {
      const chain = `iptables -w -N ${CHAIN}`
      const drops = rules.get(node.id) as string[]
      const turn = turns.get(node.id)
      if (turn !== undefined) return flapStep(node, network, [chain, ...drops], turn)
      return sidecarStep(node, [chain, IN_FORCE, ...drops].join(' && '))
    })
}

const IN_FORCE = `iptables -w -I INPUT -j ${CHAIN}`

function flapStep(
  node: NodeContainer,
  { project }: DockerNetwork,
  made: readonly string[],
  turn: number,
): DockerStep {
  const pause = `sleep ${turn / 1000}`
  const turns = `${IN_FORCE}; ${pause}; iptables -w -D INPUT -j ${CHAIN}; ${pause}`
  const script = `${made.join(' && ')} && for i in $(seq ${FLAP_MS_MAX / 2 / turn}); do ${turns}; done`
  const [run = '', ...rest] = sidecarStep(node, script)
  return [run, '--detach', '--label', `${FLAP_LABEL}=${project}`, ...rest]
}

function connectStep({ id, container }: NodeContainer, name: string, address: string): DockerStep {
  return ['network', 'connect', '--ip', address, '--alias', aliasOf(id), name, container]
}

function aliasOf(id: string): string {
  return `${id}.peer`
}

function sidecarStep({ container }: NodeContainer, script: string): DockerStep {
  const netns = ['--network', `container:${container}`, '--cap-add', 'NET_ADMIN', '--user', 'root']
  return ['run', '--rm', ...netns, SIDECAR_IMAGE, 'sh', '-c', script]
}

/** The step as a shell command. */
export function lineOf(step: DockerStep): string {
  return ['docker', ...step]
    .map((word) => (/^[\w./:=@-]+$/.test(word) ? word : `'${word}'`))
    .join(' ')
}

/** The address that docker-compose.yml pins: n3 is number 13 of each peer network. */
function addressOf(id: string, { range }: DockerNetwork, group: number): string {
  return `${range}.${group}.${10 + Number(/\d+$/.exec(id)?.[0] ?? 0)}`
}
