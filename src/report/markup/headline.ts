/** The head of a report: the verdict, the promise, and the command that runs the check again. */
import type { Result } from '../../checker/verdict/verdict.ts'
import { html, type Html } from '../../html/html.ts'
import type { RunReport } from '../analysis/report-input.ts'
import { explanationOf } from './workload-words.ts'

/** The results differ by word and sign, not only by colour, because nobody may take unknown for valid. */
const BADGES: Readonly<Record<Result, { readonly sign: string; readonly meaning: string }>> = {
  valid: { sign: '✓', meaning: 'The check found no broken promise' },
  invalid: { sign: '✗', meaning: 'A promise was broken; the proof is below' },
  unknown: {
    sign: '?',
    meaning: 'The check found no broken promise, but it could not judge everything',
  },
}

const NOT_PROMISED =
  'This level does not promise it. The run shows what can go wrong without the promise, and that the check detects it'

export function headline(report: RunReport): Html {
  const { title, verdict, settings, startedAt, unsettled } = report
  const meaning = report.notPromisedBy === undefined ? BADGES[verdict.result].meaning : NOT_PROMISED
  return html`<header class="headline ${verdict.result}">
    <p class="kicker">Check of the workload <b>${title}</b>, ${dateOf(startedAt)}</p>
    <h1>${badge(verdict.result)} <span>${sentenceOf(verdict.sentence, verdict.result)}</span></h1>
    <p class="meaning">${meaning}.</p>
    ${
      unsettled !== undefined &&
      html`<p class="unsettled">
        <b>The cluster was not healthy at the end:</b> ${unsettled}. So there were no final reads,
        and lost writes would go unnoticed.
      </p>`
    }
    <dl>
      <dt>What this workload checks</dt>
      <dd>${explanationOf(title, verdict.model)}</dd>
      ${promiseOf(report)}
      <dt>How it was run</dt>
      <dd>${settingsText(settings)}</dd>
      <dt>Seed</dt>
      <dd><code>${settings.seed}</code></dd>
      <dt>Run it again</dt>
      <dd class="command">
        <code id="command">${report.command}</code>
        <button type="button" id="copy-command" class="drawn" hidden>Copy</button>
      </dd>
    </dl>
  </header>`
}

function promiseOf({ promise, notPromisedBy }: RunReport): Html {
  if (notPromisedBy === undefined) {
    return html`<dt>What was promised</dt>
      <dd>${promise}</dd>`
  }
  return html`<dt>What was checked</dt>
    <dd>${promise}. But ${notPromisedBy} does not promise this.</dd>`
}

export function badge(result: Result): Html {
  return html`<span class="badge ${result}"
    ><span class="sign" aria-hidden="true">${BADGES[result].sign}</span>${result}</span
  >`
}

/** The sentence without its leading result, because the badge shows the result. */
export function sentenceOf(sentence: string, result: Result): string {
  const begins = [': ', ', '].some((mark) => sentence.startsWith(result + mark))
  return begins ? sentence.slice(result.length + 2) : sentence
}

/** Formats like "2026-11-24 02:23:32 UTC", which is the same for every reader. */
export function dateOf(iso: string): string {
  const [, day, time] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(iso) ?? []
  return day === undefined ? iso : `${day} ${time} UTC`
}

function settingsText(settings: RunReport['settings']): string {
  const { bucket, consistency, nemesis, clients, rate, keys, timeLimitMs, target } = settings
  const faults = nemesis === '' || nemesis === 'none' ? 'no faults' : `faults: ${nemesis}`
  return `bucket ${bucket} at consistency ${consistency}; ${clients} clients, ${rate} turns per second on ${keys} keys for ${timeLimitMs / 1000} s; ${faults}; target: ${target}`
}
