/** What a person has entered for a client. */
import type { Level } from '../../core/quorum/level.ts'
import type { Lesson } from '../lessons/lesson.ts'

/** Where a client sends its next request. */
export interface ClientForm {
  readonly client: number
  readonly node: string
  readonly level: Level
  readonly value: string
  readonly sendsContext: boolean
  readonly ifUnchanged: boolean
}

const USUAL = { level: 'quorum', sendsContext: false, ifUnchanged: false } as const

export const CLIENTS: readonly ClientForm[] = [
  { client: 1, node: 'n1', value: 'apple', ...USUAL },
  { client: 2, node: 'n2', value: 'bread', ...USUAL },
]

/** The forms with which a lesson begins. */
export function formsOf({ clients }: Lesson): readonly ClientForm[] {
  return clients?.map((form, i) => ({ ...USUAL, client: i + 1, ...form })) ?? CLIENTS
}

/** The forms with a place for each client of a plan. */
export function formsFor(forms: readonly ClientForm[], count: number): readonly ClientForm[] {
  const more = Array.from({ length: Math.max(0, count - forms.length) }, (_, i) => ({
    ...USUAL,
    client: forms.length + i + 1,
    node: 'n1',
    value: 'cheese',
  }))
  return [...forms, ...more]
}

/** Only keys in the bucket `strong` have the level strong, and they are written at no other level. */
export function formsIn(bucket: string, forms: readonly ClientForm[]): readonly ClientForm[] {
  return forms.map((form) => {
    if (bucket === 'strong') return { ...form, level: 'strong' }
    return form.level === 'strong' ? { ...form, level: 'quorum' } : form
  })
}
