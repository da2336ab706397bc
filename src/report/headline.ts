/** The head of a report: what was found, what had been promised, and how to run it again. */
import type { Result } from '../checker/verdict.ts'
import { html, type Html } from './html.ts'
import type { RunReport } from './run-report.ts'
import { explanationOf } from './workload-words.ts'

/** Told apart by word and sign as well as by colour: unknown must not be taken for valid. */
const BADGES: Readonly<Record<Result, { readonly sign: string; readonly meaning: string }>> = {
  valid: { sign: '✓', meaning: 'Every promise that was checked was kept' },
  invalid: { sign: '✗', meaning: 'A promise was broken; the proof is below' },
  unknown: { sign: '?', meaning: 'Neither proved nor disproved: something could not be judged' },
}

export function headline(report: RunReport): Html {
  const { title, verdict, settings, startedAt, unsettled } = report
  const { meaning } = BADGES[verdict.result]
  return html`<header class="headline ${verdict.result}">
    <p class="kicker">Check of the workload <b>${title}</b>, ${dateOf(startedAt)}</p>
    <h1>${badge(verdict.result)} <span>${sentenceOf(verdict.sentence, verdict.result)}</span></h1>
    <p class="meaning">${meaning}.</p>
    ${
      unsettled !== undefined &&
      html`<p class="unsettled">
        <b>The cluster was not whole again at the end:</b> ${unsettled}. Nothing could be read
        finally, so what it had kept by then was not judged.
      </p>`
    }
    <dl>
      <dt>What this workload checks</dt>
      <dd>${explanationOf(title, verdict.model)}</dd>
      <dt>What was promised</dt>
      <dd>${report.promise}</dd>
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

export function badge(result: Result): Html {
  return html`<span class="badge ${result}"
    ><span class="sign" aria-hidden="true">${BADGES[result].sign}</span>${result}</span
  >`
}

/** Without the result in front: the badge says it. */
export function sentenceOf(sentence: string, result: Result): string {
  return sentence.startsWith(`${result}: `) ? sentence.slice(result.length + 2) : sentence
}

/** "2026-11-24 02:23:32 UTC": the same wherever it is read, and without the clutter of a machine's format. */
export function dateOf(iso: string): string {
  const [, day, time] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(iso) ?? []
  return day === undefined ? iso : `${day} ${time} UTC`
}

function settingsText(settings: RunReport['settings']): string {
  const { bucket, consistency, nemesis, clients, rate, keys, timeLimitMs, target } = settings
  const faults = nemesis === '' || nemesis === 'none' ? 'no faults' : `faults: ${nemesis}`
  return `bucket ${bucket} at consistency ${consistency}; ${clients} clients, ${rate} turns a second on ${keys} keys for ${timeLimitMs / 1000} s; ${faults}; target: ${target}`
}
