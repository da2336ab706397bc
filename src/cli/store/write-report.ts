/** How the end of a write is told: as JSON, as a sentence on a terminal, and what the user must know in any case. */
import { EXIT } from '../outcome/exit-code.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { type KeyName, nameOf, wordsOf } from './key.ts'
import type { KeyWritten } from './write-key.ts'

export interface WriteReport {
  readonly at: KeyName
  readonly command: 'put' | 'del' | 'resolve'
  readonly isJson: boolean
}

/** Resolves with the exit code. */
export async function reportWrite(
  { at, command, isJson }: WriteReport,
  written: KeyWritten,
  { out, err }: World,
): Promise<number> {
  if (isJson) await writeJson(out, writtenJson(at, written))
  else if (out.isTerminal) await writeLines(out, [sentenceOf(at, command, written)])
  const { siblings = 0 } = written
  if (siblings <= 1) return EXIT.ok
  await writeLines(err, [
    `quorate ${command}: ${visible(nameOf(at))} has ${siblings} values now, because writes were concurrent`,
    `See them: npx quorate siblings ${wordsOf(at)}`,
  ])
  return command === 'resolve' ? EXIT.siblings : EXIT.ok
}

/** The promised form of a write (README.md). */
function writtenJson(at: KeyName, written: KeyWritten): object {
  const { isStored, existed, siblings, context, etag, level, node, quorum } = written
  return {
    ...at,
    stored: isStored,
    existed: existed ?? null,
    siblings: siblings ?? null,
    context: context ?? null,
    etag: etag ?? null,
    level,
    node: node ?? null,
    quorum: quorum ?? null,
  }
}

function sentenceOf(
  at: KeyName,
  command: WriteReport['command'],
  { isStored, existed, level, node = '', quorum }: KeyWritten,
): string {
  const name = visible(nameOf(at))
  if (!isStored) return `${node} has accepted ${name} in memory; nothing is stored yet`
  const done = command === 'del' ? 'deleted' : 'stored'
  const absent = existed === false ? ' (there was no value)' : ''
  if (quorum === undefined) return `${done} ${name}${absent} at ${level}: the condition held`
  const copies = quorum.got === 1 ? '1 copy' : `${quorum.got} copies`
  const hinted =
    quorum.hinted === 0 ? '' : `, ${quorum.hinted} of them kept for owners out of reach`
  return `${done} ${name}${absent} at ${level} through ${node}: ${copies}${hinted}`
}
