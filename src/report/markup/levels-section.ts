/**
 * Shows which levels of consistency the history satisfies: a ladder, whose broken rungs open to the operations that
 * prove the breach.
 */
import type { Ladder, Rung } from '../../checker/levels/ladder.ts'
import { proofSteps, strongestWords } from '../../checker/levels/ladder-words.ts'
import { type Judgement, type Level, MEANINGS } from '../../checker/levels/level.ts'
import { html, type Html } from '../../html/html.ts'
import { proofPicture } from './proof-picture.ts'

/** The colours of a verdict, and a sign, because the result must not depend on colour alone. */
const LOOKS: Readonly<
  Record<Judgement['type'], { readonly style: string; readonly sign: string }>
> = {
  holds: { style: 'valid', sign: '✓' },
  broken: { style: 'invalid', sign: '✗' },
  unknown: { style: 'unknown', sign: '?' },
}

/** Only linearizable implies it, so it is no rung of the ladder. */
const BESIDE: Level = 'no lost writes'

/** `ladder` is undefined if the history has other operations than those of registers. */
export function levelsSection(ladder: Ladder | undefined): Html {
  if (ladder === undefined) {
    return html`<section id="levels">
      <h2>Levels of consistency</h2>
      <p>
        The levels are defined for reads and writes. The clients of this workload ask for other
        operations, too.
      </p>
    </section>`
  }
  const { rungs } = ladder
  const main = rungs.filter(({ level }) => level !== BESIDE)
  const beside = rungs.filter(({ level }) => level === BESIDE)
  // The weakest broken level tells the most, because its proof breaks all levels above.
  const opened = rungsOf('broken', main).at(-1) ?? rungsOf('broken', beside)[0]
  const [strongest] = rungsOf('holds', rungs)
  const show = (rung: Rung): Html =>
    rungOf(rung, ladder, { isOpen: rung === opened, isStrongest: rung === strongest })
  return html`<section id="levels">
    <h2>Levels of consistency</h2>
    <p>${capital(strongestWords(ladder))}.</p>
    <p class="hint">
      The strongest level is at the top: it implies all others. The answers of the clients alone
      decide: a run may satisfy more than its level promises. Open a broken rung to see the
      operations that break it.
    </p>
    <ul class="ladder">
      ${main.map(show)}
    </ul>
    <ul class="ladder">
      ${beside.map(show)}
    </ul>
  </section>`
}

function rungsOf(type: Judgement['type'], rungs: readonly Rung[]): readonly Rung[] {
  return rungs.filter(({ judgement }) => judgement.type === type)
}

function rungOf(
  { level, judgement }: Rung,
  ladder: Ladder,
  { isOpen, isStrongest }: { readonly isOpen: boolean; readonly isStrongest: boolean },
): Html {
  const { style, sign } = LOOKS[judgement.type]
  const head = html`<i class="bar" aria-hidden="true"></i
    ><span class="badge ${style}"
      ><span class="sign" aria-hidden="true">${sign}</span>${judgement.type}</span
    ><b>${level}</b> <span class="quiet">${MEANINGS[level]}</span>`
  const body =
    judgement.type === 'holds'
      ? html`<p>${head}</p>`
      : html`<details ${isOpen && OPEN}>
          <summary>${head}</summary>
          ${
            judgement.type === 'unknown'
              ? html`<p class="words">${capital(judgement.why)}.</p>`
              : proofOf(judgement, ladder)
          }
        </details>`
  return html`<li class="rung ${style}${isStrongest && ' strongest'}">${body}</li>`
}

const OPEN = html` open`

function proofOf({ proof }: Judgement & { readonly type: 'broken' }, ladder: Ladder): Html {
  const { before, steps } = proofSteps(proof, ladder)
  return html`<p class="words"><b>Why it is broken:</b> ${proof.lead}.</p>
    ${before > 0 && html`<p class="quiet">${before} earlier operations are not shown here.</p>`}
    <div class="proof">
      ${proofPicture(
        steps.map(({ operation }) => operation),
        proof.culprit,
      )}
      <ol class="steps">
        ${steps.map(
          ({ operation, words }, i) =>
            html`<li class="step ${operation.outcome}">
              <button type="button" class="operation" data-op="${operation.firstIndex}">
                <span class="number">${i + 1}</span> <span class="text">${words}</span>
              </button>
            </li>`,
        )}
      </ol>
    </div>`
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
