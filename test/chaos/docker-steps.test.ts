/** The exact arguments of `docker` for each fault: what a dry run prints, and what is run. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { NodeContainer } from '../../src/chaos/docker-client.ts'
import {
  fileSteps,
  healProcessSteps,
  isAtHome,
  lineOf,
  networkSteps,
  processSteps,
  reconnectStep,
  removeRulesStep,
  skewStep,
  unskewStep,
} from '../../src/chaos/docker-steps.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'
import { type NetworkFault, parseFault } from '../../src/chaos/chaos-fault.ts'

const NETWORK = { project: 'p', range: '10.213' }
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5'].map((id): NodeContainer => ({
  id,
  container: `c${id}`,
  project: 'p',
  image: 'i',
  state: 'running',
}))

/** One line each; no word of these has a space in it but the last of a sidecar's. */
function stepsOf(command: string): string[] {
  const ids = NODES.map(({ id }) => id)
  const fault = parseFault(command.split(' '), ids) as NetworkFault
  return networkSteps(fault, NODES, NETWORK).map((step) => step.join(' '))
}

const CREATE_GROUP_1 =
  'network create --internal --subnet 10.213.1.0/24 --label quorate.chaos=p p_peer-g1'

test('a partition moves the smaller group to a network of its own, number and alias kept', () => {
  expect(stepsOf('partition n1,n2/n3,n4,n5')).toEqual([
    CREATE_GROUP_1,
    'network connect --ip 10.213.1.11 --alias n1.peer p_peer-g1 cn1',
    'network connect --ip 10.213.1.12 --alias n2.peer p_peer-g1 cn2',
    'network disconnect --force p_peer cn1',
    'network disconnect --force p_peer cn2',
  ])
})

test('the largest group keeps its network, and a node alone needs none', () => {
  expect(stepsOf('partition n5/n1,n2/n3,n4')).toEqual([
    CREATE_GROUP_1,
    'network connect --ip 10.213.1.13 --alias n3.peer p_peer-g1 cn3',
    'network connect --ip 10.213.1.14 --alias n4.peer p_peer-g1 cn4',
    'network disconnect --force p_peer cn3',
    'network disconnect --force p_peer cn4',
    'network disconnect --force p_peer cn5',
  ])
})

test('isolate only disconnects the node', () => {
  expect(stepsOf('isolate n3')).toEqual(['network disconnect --force p_peer cn3'])
})

test('a bridge joins the second network and stays on the first', () => {
  expect(stepsOf('bridge n3')).toEqual([
    CREATE_GROUP_1,
    'network connect --ip 10.213.1.13 --alias n3.peer p_peer-g1 cn3',
    'network connect --ip 10.213.1.14 --alias n4.peer p_peer-g1 cn4',
    'network connect --ip 10.213.1.15 --alias n5.peer p_peer-g1 cn5',
    'network disconnect --force p_peer cn4',
    'network disconnect --force p_peer cn5',
  ])
})

const SIDECAR = (container: string): string =>
  `run --rm --network container:${container} --cap-add NET_ADMIN --user root quorate-chaos:local sh -c `
const CHAIN = 'iptables -w -N QUORATE_CHAOS && iptables -w -I INPUT -j QUORATE_CHAOS'
const DROP = (address: string, chance = ''): string =>
  ` && iptables -w -A QUORATE_CHAOS -s ${address} -p tcp --dport 7080${chance} -j DROP`

test('a cut link drops packets to the peer port at both ends', () => {
  expect(stepsOf('cut n1 n3')).toEqual([
    SIDECAR('cn1') + CHAIN + DROP('10.213.0.13'),
    SIDECAR('cn3') + CHAIN + DROP('10.213.0.11'),
  ])
})

test('a one-way cut drops packets at the receiver only', () => {
  expect(stepsOf('oneway n1 n3')).toEqual([SIDECAR('cn3') + CHAIN + DROP('10.213.0.11')])
})

test('a loss drops packets at random', () => {
  const chance = ' -m statistic --mode random --probability 0.2'
  expect(stepsOf('loss n1 n3 20%')).toEqual([
    SIDECAR('cn1') + CHAIN + DROP('10.213.0.13', chance),
    SIDECAR('cn3') + CHAIN + DROP('10.213.0.11', chance),
  ])
})

test('all cuts of one node are rules of one chain', () => {
  expect(stepsOf('ring')[0]).toBe(
    SIDECAR('cn1') + CHAIN + DROP('10.213.0.13') + DROP('10.213.0.14'),
  )
})

test('the script of a sidecar is one argument', () => {
  const [step] = networkSteps(
    { type: 'links', links: [{ from: 'n1', to: 'n3', lossPercent: 100 }] },
    NODES,
    NETWORK,
  )
  expect(step?.slice(-3)).toEqual(['sh', '-c', CHAIN + DROP('10.213.0.11')])
})

test('a healed node gets its pinned address and alias back', () => {
  const [, , n3] = NODES
  expect(reconnectStep(n3 as NodeContainer, NETWORK).join(' ')).toBe(
    'network connect --ip 10.213.0.13 --alias n3.peer p_peer cn3',
  )
  expect(removeRulesStep(n3 as NodeContainer).join(' ')).toBe(
    SIDECAR('cn3') +
      ['-D INPUT -j QUORATE_CHAOS', '-F QUORATE_CHAOS', '-X QUORATE_CHAOS']
        .map((rule) => `iptables -w ${rule} 2>/dev/null; `)
        .join('') +
      'true',
  )
})

test('every node of the compose file has the address and the name that a healed one gets back', () => {
  const file = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
  const pinned = [...file.matchAll(/0\.213\}\.(0\.\d+)', aliases: \[(n\d)\.peer\] \}/g)].map(
    ([, address = '', id = '']) => ({ address, id }),
  )
  expect(pinned.map(({ id }) => id)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'])
  for (const { address, id } of pinned) {
    const node = { id, container: `c${id}`, project: 'p', state: 'running', image: 'i' }
    const step = reconnectStep(node, NETWORK).join(' ')
    expect(step).toContain(`--ip 10.213.${address} --alias ${id}.peer `)
  }
})

test('a sidecar adds and removes the rules of a flapping link until it is stopped', () => {
  const drop = (of: number): string =>
    `iptables -w -A QUORATE_CHAOS -s 10.213.0.1${of} -p tcp --dport 7080 -j DROP`
  const turns =
    'for i in $(seq 1800); do iptables -w -I INPUT -j QUORATE_CHAOS; sleep 1; ' +
    'iptables -w -D INPUT -j QUORATE_CHAOS; sleep 1; done'
  const flap = (id: string, of: number): string =>
    SIDECAR(id).replace('run ', 'run --detach --label quorate.chaos.flap=p ') +
    `iptables -w -N QUORATE_CHAOS && ${drop(of)} && ${turns}`
  expect(stepsOf('flap n1 n3')).toEqual([flap('cn1', 3), flap('cn3', 1)])
})

test('a running node gets a file with the clock offset and its end time', () => {
  const [n1] = NODES as [NodeContainer]
  const fault = { type: 'skew', node: 'n1', offsetMs: -500 } as const
  expect(skewStep(fault, n1, 1234)).toEqual([
    'exec',
    'cn1',
    'sh',
    '-c',
    `echo '{"offsetMs":-500,"untilMs":1234}' > $QUORATE_DATA_DIR/clock.json.new && ` +
      'mv $QUORATE_DATA_DIR/clock.json.new $QUORATE_DATA_DIR/clock.json',
  ])
  expect(unskewStep(n1).at(-1)).toBe('rm -f $QUORATE_DATA_DIR/clock.json')
  expect(() => skewStep(fault, { ...n1, state: 'paused' }, 1234)).toThrow(
    new UsageError('n1 is paused: its clock cannot be set'),
  )
})

test('a stopped node gets no rules, but the other nodes do', () => {
  const nodes = NODES.map((node) => (node.id === 'n1' ? { ...node, state: 'exited' } : node))
  const ids = nodes.map(({ id }) => id)
  const fault = parseFault(['cut', 'n1', 'n3'], ids) as NetworkFault
  expect(networkSteps(fault, nodes, NETWORK).map((step) => step.join(' '))).toEqual([
    SIDECAR('cn3') + CHAIN + DROP('10.213.0.11'),
  ])
})

test.each([
  ['kill', 'running', ['kill c']],
  ['kill', 'paused', ['kill c']],
  ['kill', 'exited', []],
  ['pause', 'running', ['pause c']],
  ['pause', 'paused', []],
  ['restart', 'running', ['restart c']],
  ['restart', 'paused', ['unpause c', 'restart c']],
  ['restart', 'exited', ['restart c']],
] as const)('%s of a node that is %s', (type, state, expected) => {
  const node = { id: 'n2', container: 'c', project: 'p', state, image: 'i' }
  const steps = processSteps({ type, node: 'n2' }, node)
  expect(steps.map((step) => step.join(' '))).toEqual(expected)
})

test('a file is damaged after the node is killed, by the program of its image', () => {
  const node = { id: 'n2', container: 'c', project: 'p', state: 'running', image: 'quorate' }
  const [kill, run = []] = fileSteps({ type: 'truncate', node: 'n2' }, node)
  expect(kill).toEqual(['kill', 'c'])
  expect(run.slice(0, 3)).toEqual(['run', '--rm', '--network'])
  expect(run.join(' ')).toMatch(/--volumes-from c --entrypoint node quorate .*'truncate'/)
})

test('a stopped node cannot be paused', () => {
  const node = { id: 'n2', container: 'c', project: 'p', state: 'exited', image: 'i' }
  expect(() => processSteps({ type: 'pause', node: 'n2' }, node)).toThrow(UsageError)
})

test('healed nodes run, whether they were killed or paused', () => {
  const states = ['running', 'paused', 'exited', 'created']
  const nodes = states.map((state) => ({
    id: state,
    container: state,
    project: 'p',
    state,
    image: 'i',
  }))
  expect(healProcessSteps(nodes).map((step) => step.join(' '))).toEqual([
    'unpause paused',
    'start exited',
    'start created',
  ])
})

test('a printed step is a valid shell command', () => {
  expect(lineOf(['run', '--rm', 'sh', '-c', 'iptables -w -N C; true'])).toBe(
    "docker run --rm sh -c 'iptables -w -N C; true'",
  )
})

test.each([
  ['as compose connects it', ['n3', 'n3.peer', 'abc'], '10.213.0.13', null, true],
  ['stopped, and to come back there', ['n3.peer'], '', '10.213.0.13', true],
  ['without its alias', ['abc'], '10.213.0.13', '10.213.0.13', false],
  ['without any alias', null, '10.213.0.13', '10.213.0.13', false],
  ['with another address', ['n3.peer'], '10.213.0.2', null, false],
  ['stopped, and to come back anywhere', ['n3.peer'], '', undefined, false],
])('a container that is on the peer network %s is found, or is not', (...place) => {
  const [, aliases, address, asked, isHome] = place
  const config = asked === null ? null : asked === undefined ? {} : { IPv4Address: asked }
  const told = { Aliases: aliases, IPAddress: address, IPAMConfig: config }
  expect(isAtHome(NODES[2] as NodeContainer, told, NETWORK)).toBe(isHome)
})
