/** Shows the story of a run as text: what went wrong step by step, or what the run did if nothing went wrong. */
import { identityOf } from '../../checker/history/final-reads.ts'
import { seconds, type HistoryEvent, type Json } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'
import { EVIDENCE_MAX, type Verdict } from '../../checker/verdict/verdict.ts'
import { byName, nodesOf, type FaultRow } from '../analysis/fault-table.ts'
import { html, type Html } from '../../html/html.ts'
import { answerOf, requestOf, textOf, valueWritten } from '../analysis/operation-words.ts'
import { storiesOf, type Step, type Story } from '../analysis/story.ts'

interface Told {
  readonly verdict: Verdict
  readonly history: readonly HistoryEvent[]
  readonly notPromisedBy?: string | undefined
}

export function storySection(
  { verdict, history, notPromisedBy }: Told,
  operations: readonly Operation[],
  faults: readonly FaultRow[],
): Html {
  const title = {
    valid: 'What the run did',
    invalid:
      notPromisedBy === undefined ? 'What went wrong' : 'What went wrong without the promise',
    unknown: 'What could not be judged',
  }[verdict.result]
  const stories = storiesOf(verdict, history)
  const all = Object.values(verdict.stats).length
  return html`<section id="story">
    <h2>${title}</h2>
    <p>${summaryOf(operations, faults)}</p>
    ${verdict.result === 'valid' && html`<p>All checked promises held.</p>`}
    ${
      verdict.result === 'unknown' &&
      html`<p>
        <b>This is not a pass.</b> The check found no broken promise, but it could not judge the
        following:
      </p>`
    }
    ${stories.map((story, i) => storyOf(story, i, stories.length))}
    ${
      stories.length >= EVIDENCE_MAX &&
      html`<p class="quiet">
        Only the first ${EVIDENCE_MAX} are shown. The sentence at the top counts all of them.
      </p>`
    }
    ${all > 0 && html`<p class="quiet">Counts: ${statsText(verdict.stats)}.</p>`}
  </section>`
}

function storyOf(
  { evidence, already, steps, reason, circumstance }: Story,
  place: number,
  count: number,
): Html {
  const written = steps.flatMap((step) =>
    step.type === 'operation' ? [valueWritten(step.operation)] : [],
  )
  const values = written.filter((value) => value !== undefined)
  const heading = html`<span class="kind">${evidence.kind}</span
    >${evidence.key !== '' && html` <span class="key">key ${evidence.key}</span>`}`
  const body = html` ${
    steps.length > 0 &&
    html`<ol class="steps">
      ${already.map(
        ({ what, startAt }) =>
          html`<li class="fault">since ${seconds(startAt)}: fault <b>${what}</b></li>`,
      )}
      ${steps.map((step) => stepOf(step, values))}
    </ol>`
  }
  ${
    steps.length === 0 || reason === undefined
      ? html`<p class="words">${evidence.words}.</p>`
      : html`<p class="words"><b>Why this is wrong:</b> ${reason}</p>
          ${circumstance !== undefined && html`<p class="words">${circumstance}</p>`}
          <p class="quiet">The check reports: ${evidence.words}.</p>`
  }
  ${showButton(evidence.key, steps, place)}`
  return html`<details class="evidence" data-story="${place}" ${place < OPEN_MAX && OPEN}>
    <summary>
      ${count > 1 && `${place + 1} of ${count}: `}${heading}
      <span class="brief">${evidence.words}</span>
    </summary>
    ${body}
  </details>`
}

/** A button that shows the lanes of the story's key, or of all keys if its steps are on several keys. */
function showButton(key: string, steps: readonly Step[], place: number): Html | false {
  const isOfKey = (step: Step): boolean =>
    step.type !== 'operation' || (step.operation.key ?? '') === key
  if (!steps.every(isOfKey)) {
    return html`<button type="button" class="drawn show-key" data-story="${place}" hidden>
      Show these steps in the lanes
    </button>`
  }
  return (
    key !== '' &&
    html`<button
      type="button"
      class="drawn show-key"
      data-key="${key}"
      data-story="${place}"
      hidden
    >
      Show key ${key} in the lanes
    </button>`
  )
}

/** How many stories are open at first. The others are closed, so that the first can be read without scrolling. */
const OPEN_MAX = 1
const OPEN = html` open`

function stepOf(step: Step, written: readonly Json[]): Html {
  if (step.type === 'gap') {
    return html`<li class="fault">… ${step.count} more beginnings and ends of faults …</li>`
  }
  if (step.type === 'fault') {
    return html`<li class="fault">
      ${seconds(step.at)}: fault <b>${step.what}</b> ${step.change}
    </li>`
  }
  const { operation, number, isDeadEnd } = step
  const { outcome, invokedAt, completedAt, firstIndex } = operation
  const took = Number.isFinite(completedAt)
    ? `${seconds(invokedAt)} to ${seconds(completedAt)}`
    : `from ${seconds(invokedAt)}`
  return html`<li class="step ${outcome}">
    <button type="button" class="operation" data-op="${firstIndex}">
      <span class="number">${number}</span>
      <span class="text"
        ><span class="time">${took}</span> ${requestOf(operation)}:
        <b>${answerOf(operation)}${lackOf(operation, written)}</b>
        ${isDeadEnd && html`<span class="dead-end">✗ no order of the operations explains this answer</span>`}
      </span>
    </button>
  </li>`
}

/** Words for the values of the story that a list of values lacks. */
function lackOf({ f, outcome, output }: Operation, written: readonly Json[]): string {
  if (f !== 'read' || outcome !== 'ok' || !Array.isArray(output)) return ''
  const found = new Set((output as readonly Json[]).map(identityOf))
  const lacking = written.filter((value) => !found.has(identityOf(value)))
  if (lacking.length === 0) return ''
  return `, without ${lacking.map((value) => textOf(value, 40)).join(' and ')}`
}

function summaryOf(operations: readonly Operation[], faults: readonly FaultRow[]): string {
  const count = (outcome: Operation['outcome']): number =>
    operations.filter((operation) => operation.outcome === outcome).length
  const clients = new Set(operations.map(({ session }) => session)).size
  const nodes = nodesOf(operations)
  const through = nodes.length === 0 ? '' : ` through ${countOf(nodes.length, 'node')}`
  const kinds = [...new Set(operations.map(({ f }) => f))].sort(byName).join(', ')
  const done = `${countOf(clients, 'client session')} made ${countOf(operations.length, 'operation')}${kinds === '' ? '' : ` (${kinds})`}${through}: ${number(count('ok'))} succeeded, ${number(count('fail'))} ${count('fail') === 1 ? 'was' : 'were'} rejected, and ${number(count('info'))} ended with an unknown outcome.`
  if (faults.length === 0) return `${done} No fault was injected.`
  const kindsOfFault = new Map<string, number>()
  for (const { what } of faults) {
    const [kind = what] = what.split(' ')
    kindsOfFault.set(kind, (kindsOfFault.get(kind) ?? 0) + 1)
  }
  const made = [...kindsOfFault].map(([kind, times]) =>
    times === 1 ? kind : `${kind} ${times} times`,
  )
  return `${done} Meanwhile ${countOf(faults.length, 'fault')} ${faults.length === 1 ? 'was' : 'were'} injected: ${made.join(', ')}.`
}

function statsText(stats: Readonly<Record<string, number>>): string {
  return Object.entries(stats)
    .map(([name, count]) => `${inWords(name)} ${number(count)}`)
    .join(', ')
}

/** Turns `rejectedButApplied` into "rejected but applied". */
function inWords(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function countOf(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`
}

function number(count: number): string {
  return count.toLocaleString('en')
}
