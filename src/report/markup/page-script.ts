/** Bundles the script of a page, with all that it imports, into one text without types, imports and exports. */
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const START = fileURLToPath(new URL('../page/start.ts', import.meta.url))
/** The bundle names each file relative to this directory. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** The text stays readable, because a reader of a page may want to know how it draws. */
export async function pageScript(): Promise<string> {
  const options = { input: START, cwd: ROOT, platform: 'browser', tsconfig: false } as const
  await using bundle = await rolldown(options)
  const { output } = await bundle.generate({ format: 'iife', strict: true, minify: false })
  const [{ code }, ...others] = output
  if (others.length > 0) throw new Error('the script of the page does not fit into one file')
  return code
}
