/** Shows which levels of consistency the history satisfies, with the operations that prove each breach. */
import type { Ladder, Rung } from '../../checker/levels/ladder.ts'
import { proofSteps, strongestWords } from '../../checker/levels/ladder-words.ts'
import { type Judgement, MEANINGS } from '../../checker/levels/level.ts'
import { html, type Html } from '../../html/html.ts'

/** The colours of a verdict, and a sign, because the result must not depend on colour alone. */
const LOOKS: Readonly<
  Record<Judgement['type'], { readonly style: string; readonly sign: string }>
> = {
  holds: { style: 'valid', sign: '✓' },
  broken: { style: 'invalid', sign: '✗' },
  unknown: { style: 'unknown', sign: '?' },
}

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
  return html`<section id="levels">
    <h2>Levels of consistency</h2>
    <p>${capital(strongestWords(ladder))}.</p>
    <p class="hint">
      The strongest level comes first. The answers of the clients alone decide: a run may satisfy
      more than its level promises. Open a level to see the operations that break it.
    </p>
    ${ladder.rungs.map((rung) => rungOf(rung, ladder))}
  </section>`
}

function rungOf({ level, judgement }: Rung, ladder: Ladder): Html {
  const { style, sign } = LOOKS[judgement.type]
  const head = html`<span class="badge ${style}"
      ><span class="sign" aria-hidden="true">${sign}</span>${judgement.type}</span
    ><b>${level}</b> <span class="quiet">${MEANINGS[level]}</span>`
  if (judgement.type === 'holds') return html`<p>${head}</p>`
  return html`<details class="evidence">
    <summary>${head}</summary>
    ${
      judgement.type === 'unknown'
        ? html`<p class="words">${capital(judgement.why)}.</p>`
        : proofOf(judgement, ladder)
    }
  </details>`
}

function proofOf({ proof }: Judgement & { readonly type: 'broken' }, ladder: Ladder): Html {
  const { before, steps } = proofSteps(proof, ladder)
  return html`<p class="words"><b>Why it is broken:</b> ${proof.lead}.</p>
    ${before > 0 && html`<p class="quiet">${before} earlier operations are not shown here.</p>`}
    <ol class="steps">
      ${steps.map(
        ({ operation, words }, i) =>
          html`<li class="step ${operation.outcome}">
            <button type="button" class="operation" data-op="${operation.firstIndex}">
              <span class="number">${i + 1}</span> <span class="text">${words}</span>
            </button>
          </li>`,
      )}
    </ol>`
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
