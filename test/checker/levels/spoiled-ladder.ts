/** Plants faults in the deciders of the ladder: the room is loaded again, and a line of it is replaced on the way. */
import { type LoadFnOutput, registerHooks } from 'node:module'
import type { ladderOf } from '../../../src/checker/levels/ladder.ts'

export interface Fault {
  /** A sentence that says what the ladder then gets wrong. */
  readonly what: string
  /** A file of the room. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

const ROOM = new URL('../../../src/checker/levels/', import.meta.url).href
/** Ends the addresses of modules that are loaded for a fault. */
const TAG = /\?fault=\d+$/

let loaded = 0

/** The ladder with the fault. Other users of the modules get them without it. */
export async function spoiledLadder(fault: Fault): Promise<typeof ladderOf> {
  const tag = `?fault=${++loaded}`
  const spoiledUrl = `${ROOM}${fault.file}${tag}`
  let isSpoiled = false
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context)
      const [own] = TAG.exec(context.parentURL ?? '') ?? []
      const isOfRoom = own !== undefined && resolved.url.startsWith(ROOM)
      return isOfRoom ? { ...resolved, url: `${resolved.url}${own}` } : resolved
    },
    load: (url, context, next) => {
      const module = next(url, context)
      if (url !== spoiledUrl) return module
      isSpoiled = true
      return { ...module, source: spoiled(textOf(module.source), fault) }
    },
  })
  try {
    const { ladderOf: ladder } = (await import(`${ROOM}ladder.ts${tag}`)) as {
      ladderOf: typeof ladderOf
    }
    if (!isSpoiled) throw new Error(`${fault.file} is not loaded`)
    return ladder
  } finally {
    hooks.deregister()
  }
}

function spoiled(source: string, { what, file, find, replace }: Fault): string {
  if (source.split(find).length !== 2) {
    throw new Error(`${file} must contain exactly once the place of: ${what}`)
  }
  return source.replace(find, () => replace)
}

function textOf(source: LoadFnOutput['source']): string {
  if (typeof source === 'string') return source
  return new TextDecoder().decode(source ?? undefined)
}
