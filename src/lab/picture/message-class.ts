/** The classes of messages that the picture tells apart, by shape and colour. */
import type { MessageView } from '../../simulation/interactive/seen-messages.ts'

export type MessageClass = 'write' | 'read' | 'consensus' | 'repair' | 'gossip'

/** What a legend says of each class. */
export const CLASS_WORDS: Readonly<Record<MessageClass, string>> = {
  write: 'write or hint',
  read: 'read',
  consensus: 'consensus',
  repair: 'comparing copies',
  gossip: 'who is up',
}

export const MESSAGE_CLASSES = Object.keys(CLASS_WORDS) as readonly MessageClass[]

const CLASSES: Readonly<Record<string, MessageClass>> = {
  put: 'write',
  update: 'write',
  apply: 'write',
  hint: 'write',
  read: 'read',
  version: 'read',
  fetch: 'read',
  'read-hints': 'read',
  'register-prepare': 'consensus',
  'register-accept': 'consensus',
  'register-read': 'consensus',
  'register-promised': 'consensus',
  'register-change': 'consensus',
  prepare: 'consensus',
  accept: 'consensus',
  recall: 'consensus',
  decided: 'consensus',
  topology: 'consensus',
  sync: 'repair',
  tree: 'repair',
  leaves: 'repair',
  stream: 'repair',
  'took-over': 'repair',
}

export function classOf(kind: string): MessageClass {
  return CLASSES[kind] ?? 'gossip'
}

/** What is drawn for a frame: its rarest message, because most frames only ask who is up. */
export function shownMessage(messages: readonly MessageView[]): MessageView | undefined {
  const order: readonly MessageClass[] = MESSAGE_CLASSES
  return messages.toSorted(
    (a, b) => order.indexOf(classOf(a.kind)) - order.indexOf(classOf(b.kind)),
  )[0]
}
