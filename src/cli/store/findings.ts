/** What `doctor` finds: facts about a cluster, each with what an operator can do about it. Pure. */
import { type RequestError } from '../../client/quorate.ts'
import type { Asked, ClusterAnswer } from './cluster-answer.ts'
import { pictureOf } from './cluster-picture.ts'
import { listOf, sentenceOf } from './cluster-words.ts'
import type { ReadyCheck } from './readiness.ts'

export interface Finding {
  readonly name: string
  /** `warning`: the cluster works, and may not for long. */
  readonly state: 'ok' | 'warning' | 'failed'
  readonly detail: string
  /** What to do; '' if there is nothing to do. */
  readonly advice: string
}

/** Beyond half of the default of QUORATE_MAX_CLOCK_DRIFT_MS, nodes may soon refuse each other. */
const CLOCK_OFFSET_MS = 250

export function findingOfEndpoint(asked: Asked): Finding {
  const { endpoint } = asked
  if ('answer' in asked) return ok('endpoint', `${endpoint} is ${asked.answer.node}`)
  const [detail, advice] = explain(asked.error)
  return { name: 'endpoint', state: 'failed', detail: `${endpoint}: ${detail}`, advice }
}

export function findingOfReadiness(node: string, failed: readonly ReadyCheck[]): Finding {
  if (failed.length === 0) return ok('ready', `${node} is ready`)
  const reasons = failed.map(({ name, detail }) => `${name}: ${detail}`).join('; ')
  return {
    name: 'ready',
    state: 'failed',
    detail: `${node} is not ready: ${reasons}`,
    advice: 'A node that has just started needs some seconds. Otherwise its log says more.',
  }
}

/** `answers` has at least one. */
export function findingsOfCluster(answers: readonly ClusterAnswer[]): readonly Finding[] {
  const picture = pictureOf(answers)
  const ids = [...new Set(answers.map(({ clusterId }) => clusterId))]
  const isBroken =
    picture.groups.length > 1 ||
    picture.silent.length > 0 ||
    picture.groups.some(({ brokenLinks }) => brokenLinks.length > 0)
  return [
    ids.length === 1
      ? ok('cluster', `all endpoints are nodes of one cluster, ${ids.join()}`)
      : {
          name: 'cluster',
          state: 'failed',
          detail: `the endpoints belong to ${ids.length} clusters: ${listOf(ids)}`,
          advice: 'Name the endpoints of one cluster. Separate clusters never become one.',
        },
    isBroken
      ? {
          name: 'links',
          state: 'failed',
          detail: sentenceOf(picture, answers),
          advice:
            'Start the nodes that are down, and check the network between the peer ports. If this is a cut that you ' +
            'made: npm run chaos -- heal.',
        }
      : ok('links', `all ${picture.members.length} members reach each other`),
    findingOfClocks(answers),
    ...answers.map(findingOfStorage),
    ...findingOfHints(answers),
    ...findingOfChange(answers),
  ]
}

function findingOfClocks(answers: readonly ClusterAnswer[]): Finding {
  const wrong = answers.flatMap(({ node, members }) =>
    members
      .filter(({ clockOffsetMs }) => Math.abs(clockOffsetMs ?? 0) > CLOCK_OFFSET_MS)
      .map(({ id, clockOffsetMs }) => `${id} is ${Math.round(clockOffsetMs ?? 0)} ms from ${node}`),
  )
  if (wrong.length === 0) return ok('clocks', 'the clocks of the members agree')
  return {
    name: 'clocks',
    state: 'warning',
    detail: `the clocks of the members differ: ${listOf(wrong)}`,
    advice: 'Let every machine take its time from NTP. Members refuse one that is too far ahead.',
  }
}

function findingOfStorage({ node, storage }: ClusterAnswer): Finding {
  if (storage.state === 'ok') return ok('storage', `${node} takes writes`)
  return {
    name: 'storage',
    state: 'failed',
    detail: `${node} takes no writes: ${storage.reason}`,
    advice:
      storage.state === 'full' ? 'Free disk space on that node.' : 'Check the disk of that node.',
  }
}

function findingOfHints(answers: readonly ClusterAnswer[]): readonly Finding[] {
  const pending = answers.flatMap(({ node, hints }) =>
    Object.entries(hints)
      .filter(([, hint]) => hint.pending > 0)
      .map(([owner, hint]) => `${node} keeps ${hint.pending} for ${owner}`),
  )
  if (pending.length === 0) return []
  return [
    {
      name: 'hints',
      state: 'warning',
      detail: `writes wait for their owners: ${listOf(pending)}`,
      advice: 'They are delivered by themselves once the owners are in reach.',
    },
  ]
}

function findingOfChange([answer]: readonly ClusterAnswer[]): readonly Finding[] {
  const change = answer?.moves ?? null
  if (change === null) return []
  const waiting = change.waitingFor.length === 0 ? 'nobody' : listOf(change.waitingFor)
  return [
    {
      name: 'change',
      state: 'warning',
      detail: `a change of the members is under way, and waits for ${waiting}`,
      advice: 'npx quorate moves shows its progress.',
    },
  ]
}

/** What an error says about the endpoint, and what to do. */
function explain(error: RequestError): [detail: string, advice: string] {
  const detail = error.problem?.detail ?? error.attempts.at(-1)?.detail ?? error.message
  if (error.problem !== undefined) return [detail, 'The log of the node says more.']
  if (detail.includes('ECONNREFUSED')) {
    return [
      'nothing listens there',
      'Start the node, for example with npm start, or correct the port.',
    ]
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(detail)) {
    return ['this host name is not known', 'Correct the name, or the name service of this machine.']
  }
  if (detail.startsWith('no answer after')) {
    return [
      `it accepts no request or does not answer (${detail})`,
      'The process may be paused or overloaded, or a firewall drops what is sent.',
    ]
  }
  return [detail, 'Something that is no node of Quorate may listen there.']
}

function ok(name: string, detail: string): Finding {
  return { name, state: 'ok', detail, advice: '' }
}
