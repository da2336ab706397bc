import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createPeerLookup, LOOKUPS_MAX } from '../../../src/adapters/peer-network/peer-lookup.ts'

/** A name server that answers when it is told to. */
class NameServer {
  readonly asked: string[] = []
  readonly #answers: PromiseWithResolvers<readonly LookupAddress[]>[] = []

  readonly resolve = (name: string): Promise<readonly LookupAddress[]> => {
    this.asked.push(name)
    const answer = Promise.withResolvers<readonly LookupAddress[]>()
    this.#answers.push(answer)
    return answer.promise
  }

  answer(address: string): void {
    this.#answers.shift()?.resolve([{ address, family: 4 }])
  }

  fail(): void {
    this.#answers.shift()?.reject(new Error('no such name'))
  }
}

const find = (lookup: LookupFunction, name: string): Promise<string> =>
  new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, addresses) => {
      if (error !== null) reject(error)
      else resolve((addresses as LookupAddress[])[0]?.address ?? '')
    })
  })

describe('peer lookup', () => {
  it('serves the known address while the name server is silent, and the new one once it speaks', async () => {
    const names = new NameServer()
    const lookup = createPeerLookup(names.resolve)
    const first = find(lookup, 'n2')
    names.answer('10.0.0.2')
    expect(await first).toBe('10.0.0.2')

    expect(await find(lookup, 'n2')).toBe('10.0.0.2')
    expect(await find(lookup, 'n2')).toBe('10.0.0.2')
    // The silent one is still under way: no second one was begun beside it.
    expect(names.asked).toEqual(['n2', 'n2'])
    names.answer('10.0.0.9')
    expect(await find(lookup, 'n2')).toBe('10.0.0.9')
  })

  it('serves the known address when the name is gone, and says so when none is known', async () => {
    const names = new NameServer()
    const lookup = createPeerLookup(names.resolve)
    const unknown = find(lookup, 'n2')
    names.fail()
    await expect(unknown).rejects.toThrow('no such name')

    const known = find(lookup, 'n2')
    names.answer('10.0.0.2')
    await known
    const gone = find(lookup, 'n2')
    names.fail()
    expect(await gone).toBe('10.0.0.2')
  })

  it('looks up few names at once', async () => {
    const names = new NameServer()
    const lookup = createPeerLookup(names.resolve)
    const finding = ['n1', 'n2', 'n3', 'n4'].map((name) => find(lookup, name))
    expect(names.asked.length).toBe(LOOKUPS_MAX)
    names.answer('10.0.0.1')
    expect(await finding[0]).toBe('10.0.0.1')
    await expect.poll(() => names.asked).toEqual(['n1', 'n2', 'n3'])
    names.answer('10.0.0.2')
    names.answer('10.0.0.3')
    await Promise.all(finding.slice(1, 3))
    await expect.poll(() => names.asked.length).toBe(4)
    names.answer('10.0.0.4')
    expect(await finding[3]).toBe('10.0.0.4')
  })
})
