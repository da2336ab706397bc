/**
 * A request hop by hop: the steps in words, in the order of their times, and the same as lines in the picture. Pure, so
 * that the same run always tells the same story.
 */
import { majority, quorumNeed } from '../../core/quorum/level.ts'
import type { HopsView, HopView } from '../../simulation/interactive/request-hops.ts'
import { listWords } from './cluster-verdict.ts'
import { answerWords, askWords, fateOfAsk, fateWords } from './hop-words.ts'
import { classOf, type MessageClass } from './message-class.ts'
import { answeredWords, askedWords, clientName } from './request-words.ts'

/**
 * `decides`: the client's answer waited for this. `late`: it came after the outcome. `lost`: it never arrived, or was
 * never sent. `waits`: it may still come.
 */
export type HopMark = 'plain' | 'decides' | 'late' | 'lost' | 'waits'

export interface HopStep {
  /** Counts from 1, in the list and in the picture. */
  readonly number: number
  /** Since the request was sent. */
  readonly afterUs: number
  readonly words: string
  readonly mark: HopMark
}

/** One message in the picture. */
export interface HopLine {
  readonly from: string
  readonly to: string
  readonly kind: MessageClass
  readonly isAnswer: boolean
  readonly mark: HopMark
  /** The number of its step. */
  readonly number: number
}

export interface HopStory {
  /** For example `A puts "apple" at n1, level quorum`. */
  readonly title: string
  /** For how many owners the level waits. */
  readonly rule: string
  /** What decided the outcome; null while it is open. */
  readonly decided: string | null
  readonly steps: readonly HopStep[]
  readonly lines: readonly HopLine[]
}

interface Step extends Omit<HopStep, 'number'> {
  /** Of several steps at one instant, the lower rank comes first: what led to the outcome, the outcome, what follows. */
  readonly rank?: 1 | 2
  readonly line?: Omit<HopLine, 'number' | 'mark'>
}

export function hopStory(view: HopsView): HopStory {
  const { request } = view
  const decides = decidingHop(view)
  const steps = [beginOf(view), ...unaskedSteps(view), ...view.hops.flatMap(stepsOf(view, decides))]
  const own = ownStep(view, decides === undefined)
  const all = [...steps, ...(own === undefined ? [] : [own]), ...endOf(view)]
  const sorted = all.toSorted((a, b) => a.afterUs - b.afterUs || (a.rank ?? 0) - (b.rank ?? 0))
  return {
    title: askedWords(request),
    rule: ruleOf(view),
    decided: decidedWords(view, decides, own),
    steps: sorted.map(({ afterUs, words, mark }, i) => ({ number: i + 1, afterUs, words, mark })),
    lines: sorted.flatMap(({ line, mark }, i) =>
      line === undefined ? [] : [{ ...line, mark, number: i + 1 }],
    ),
  }
}

/**
 * The hop whose answer arrived at the instant of the outcome. If the request was passed on, the hop that decided at the
 * other node.
 */
function decidingHop({ request, hops }: HopsView): HopView | undefined {
  const { endedUs, action, state } = request
  if (endedUs === null || state === 'unknown') return undefined
  const arrivedAt = (node: string, atUs: number): HopView | undefined =>
    hops.findLast((hop) => hop.from === node && hop.answer?.arrivedUs === atUs)
  const last = arrivedAt(action.node, endedUs)
  if (last?.answer?.says.type !== 'done') return last
  return arrivedAt(last.to, last.answer.sentUs) ?? last
}

function beginOf({ request }: HopsView): Step {
  return {
    afterUs: 0,
    words: `${clientName(request.action.client)} asks ${request.action.node}`,
    mark: 'plain',
  }
}

/** The owners that the coordinator knew to be out of reach. */
function unaskedSteps({ request, hops }: HopsView): Step[] {
  const asked = new Set(hops.map(({ to }) => to))
  const coordinator = coordinatorOf({ request, hops })
  return request.replicas
    .filter(({ node, status }) => status === 'unreachable' && !asked.has(node))
    .map(({ node }) => ({
      afterUs: 0,
      words: `${coordinator} does not ask ${node}: it is out of reach`,
      mark: 'lost',
    }))
}

/** The node that asked the owners: the last one to which the request was passed on. */
function coordinatorOf({ request, hops }: Pick<HopsView, 'request' | 'hops'>): string {
  const passed = hops.findLast(({ answer }) => answer?.says.type === 'done')
  return passed?.to ?? request.action.node
}

function stepsOf(
  { request }: HopsView,
  decides: HopView | undefined,
): (hop: HopView) => readonly Step[] {
  const { action, endedUs } = request
  const sentUs = request.sentUs ?? 0
  const isOver = endedUs !== null
  const isAfter = (us: number): boolean => isOver && us > endedUs
  return (hop) => {
    const { from, to, ask, answer } = hop
    const kind = classOf(hop.kind)
    // After a read, the coordinator compares the owners that it did not need.
    const isFollowUp = action.do === 'get' && isOver && ask.sentUs >= endedUs
    const why = isFollowUp && !hop.isRepair ? ', to see whether it is behind' : ''
    const asked: Step = {
      afterUs: ask.sentUs - sentUs,
      words: `${askWords(hop)}${why}${answer === null ? `: ${fateOfAsk(hop, isOver)}` : ''}`,
      mark: answer !== null ? 'plain' : ask.state === 'lost' ? 'lost' : 'waits',
      line: { from, to, kind, isAnswer: false },
      ...(isFollowUp ? { rank: 2 } : {}),
    }
    if (answer === null) return [asked]
    const { arrivedUs, says, state } = answer
    const words = answerWords(hop, says)
    const line = { from: to, to: from, kind, isAnswer: true }
    if (state !== 'arrived' || arrivedUs === null) {
      const mark = state === 'lost' ? 'lost' : 'waits'
      const fate = fateWords(state === 'arrived' ? 'under way' : state)
      return [
        asked,
        { afterUs: answer.sentUs - sentUs, words: `${words}: the answer is ${fate}`, mark, line },
      ]
    }
    const mark = hop === decides ? 'decides' : isAfter(arrivedUs) && !isFollowUp ? 'late' : 'plain'
    const note = { decides: '. This answer decides', late: ', after the outcome', plain: '' }[mark]
    return [asked, { afterUs: arrivedUs - sentUs, words: `${words}${note}`, mark, line }]
  }
}

/** The part of the coordinator itself, if it is an owner of the key or stands in for one. */
function ownStep(view: HopsView, isEnough: boolean): Step | undefined {
  const { request, hops } = view
  const self = coordinatorOf(view)
  const report = request.replicas.find(({ node }) => node === self)
  if (report === undefined || report.status === 'pending') return undefined
  if (request.sentUs === null || request.endedUs === null) return undefined
  const passed = hops.find(({ to, answer }) => to === self && answer?.says.type === 'done')
  const startUs = passed?.ask.arrivedUs ?? request.sentUs
  const decides = isEnough && request.state === 'ok'
  const words = ownWords(self, report, view)
  return {
    // The report rounds.
    afterUs: Math.min(startUs + report.ms * 1000, request.endedUs) - request.sentUs,
    words: decides ? `${words}. This decides` : words,
    mark: decides
      ? 'decides'
      : report.status === 'ok' || report.status === 'hinted'
        ? 'plain'
        : 'lost',
  }
}

function ownWords(
  self: string,
  { status, error }: HopsView['request']['replicas'][number],
  { request: { action } }: HopsView,
): string {
  if (status === 'hinted') return `${self} keeps a hint itself`
  if (status !== 'ok') return `${self} cannot use its own copy: ${error ?? status}`
  if (action.level === 'strong') return `${self} answers itself, as an owner`
  return action.do === 'get' ? `${self} reads its own copy` : `${self} has stored its own copy`
}

function endOf({ request }: HopsView): Step[] {
  const { endedUs, sentUs, state, action, error } = request
  if (endedUs === null || sentUs === null) return []
  const client = clientName(action.client)
  // The error of a node has a code.
  const isOfNode = state === 'ok' || /^[a-z_]+: /.test(error ?? '')
  const words = isOfNode
    ? `${action.node} answers ${client}: ${answeredWords(request)}`
    : `${client}: ${answeredWords(request)}`
  const mark = state === 'ok' ? 'plain' : 'lost'
  return [{ afterUs: endedUs - sentUs, words, mark, rank: 1 }]
}

function ruleOf({ request: { action }, owners }: HopsView): string {
  const { level } = action
  const count = owners.length
  if (count === 0) return `Level ${level}.`
  const among = `${count === 1 ? 'the owner' : `the ${count} owners`} ${listWords(owners)}`
  if (level === 'strong') {
    return `Level strong needs the same decision of ${majority(count)} of ${among}.`
  }
  const { w, r } = quorumNeed(level, count)
  const need = action.do === 'get' ? r : w
  if (need === 0) return `Level ${level} waits for none of ${among}.`
  if (need === count) return `Level ${level} waits for ${among}.`
  return `Level ${level} waits for ${need} of ${among}.`
}

function decidedWords(
  { request, hops }: HopsView,
  decides: HopView | undefined,
  own: Step | undefined,
): string | null {
  const { action, state, endedUs, sentUs } = request
  if (endedUs === null || sentUs === null) return null
  const after = `after ${msWords(endedUs - sentUs)}`
  if (decides !== undefined) return `The answer of ${decides.to} decided, ${after}.`
  if (own?.mark === 'decides') return `The own copy of ${action.node} decided, ${after}.`
  if (state === 'ok') return `It was answered ${after}.`
  return hops.length > 0 ? `No answer decided: it ended ${after}.` : `No other node was asked.`
}

/** For example "1.9 ms". */
export function msWords(us: number): string {
  return us >= 10_000 ? `${Math.round(us / 1000)} ms` : `${(us / 1000).toFixed(1)} ms`
}
