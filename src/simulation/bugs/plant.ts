/**
 * Plants a bug in modules that are loaded later: it changes their source while they are loaded, in this thread only.
 * The caller must import these modules dynamically, after planting.
 */
import { type LoadFnOutput, registerHooks } from 'node:module'
import { assert } from '../../core/assert.ts'
import type { PlantedBug } from './planted-bug.ts'

export function plant(bug: PlantedBug): void {
  const byUrl = new Map(
    filesOf(bug).map((file) => [new URL(`../../${file}`, import.meta.url).href, file]),
  )
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      const file = byUrl.get(url)
      if (file === undefined) return loaded
      return { ...loaded, source: spoil(textOf(loaded.source), file, bug) }
    },
  })
}

/** The files that the bug changes, relative to src. */
export function filesOf({ file, also }: PlantedBug): string[] {
  return [...new Set([file, also?.file ?? file])]
}

/** The text of the file with the bug in it. Throws if the text does not contain each place exactly once. */
export function spoil(source: string, file: string, bug: PlantedBug): string {
  const places = [bug, ...(bug.also === undefined ? [] : [{ file: bug.file, ...bug.also }])]
  return places
    .filter((place) => place.file === file)
    .reduce((text, { find, replace }) => {
      assert(text.split(find).length === 2, `${file} has the place of ${bug.name} exactly once`)
      return text.replace(find, () => replace)
    }, source)
}

function textOf(source: LoadFnOutput['source']): string {
  assert(source !== undefined && source !== null, 'a module has a source')
  return typeof source === 'string' ? source : new TextDecoder().decode(source)
}
