/** Each planted bug names a text of the source. A change of that text must change the bug too. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { filesOf, spoil } from '../../src/simulation/bugs/plant.ts'
import { PLANTED_BUGS } from '../../src/simulation/bugs/planted-bugs.ts'

it.each(PLANTED_BUGS)('$name can be planted', (bug) => {
  for (const file of filesOf(bug)) {
    const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
    expect(spoil(source, file, bug)).not.toBe(source)
  }
})
