/**
 * Plants a bug in the modules that are loaded after it: their source is changed on the way from the disk, in
 * this thread alone. Whoever plants has to import what is to be spoilt dynamically, and later.
 */
import { type LoadFnOutput, registerHooks } from 'node:module'
import { assert } from '../core/assert.ts'
import type { PlantedBug } from './planted-bugs.ts'

export function plant(bug: PlantedBug): void {
  const wanted = new URL(`../${bug.file}`, import.meta.url).href
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      if (url !== wanted) return loaded
      return { ...loaded, source: spoil(textOf(loaded.source), bug) }
    },
  })
}

/** The text with the bug in it. Throws where it does not have each place exactly once. */
export function spoil(source: string, { name, file, also, ...first }: PlantedBug): string {
  return [first, ...(also === undefined ? [] : [also])].reduce((text, { find, replace }) => {
    assert(text.split(find).length === 2, `${file} has the place of ${name} exactly once`)
    return text.replace(find, () => replace)
  }, source)
}

function textOf(source: LoadFnOutput['source']): string {
  assert(source !== undefined && source !== null, 'a module has a source')
  return typeof source === 'string' ? source : new TextDecoder().decode(source)
}
