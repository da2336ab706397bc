/** Plans as links: each plan comes back from its link, and a wrong link is told. */
import { describe, expect, it } from 'vitest'
import { linkOfPlan, planOfLink } from '../../src/lab/link/plan-link.ts'
import { checkPlan } from '../../src/simulation/interactive/timed-plan.ts'

const ASKED = { client: 1, node: 'n1', level: 'quorum', bucket: 'default', key: 'a:b;c&d=e%,é' }

const STRONG = { ...ASKED, level: 'strong', bucket: 'strong' }

const PLAN = checkPlan({
  seed: 'two words&=;',
  nodes: 5,
  zones: 2,
  endMs: 9000.125,
  actions: [
    { atMs: 0.125, do: 'get', ...ASKED },
    { atMs: 1, do: 'put', ...ASKED, value: '' },
    { atMs: 2, do: 'put', ...ASKED, value: 'x=y:z', withContext: true },
    { atMs: 3, do: 'delete', ...ASKED, withContext: false },
    { atMs: 3, do: 'put', ...STRONG, value: 'v', ifUnchanged: true },
    { atMs: 3, do: 'delete', ...STRONG, ifUnchanged: true },
    { atMs: 4, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
    { atMs: 5, do: 'cut', from: ['n1', 'n2'], to: ['n3'], oneWay: true, kind: 'hold' },
    { atMs: 6, do: 'heal' },
    { atMs: 7, do: 'heal', from: ['n1'], to: ['n2', 'n3'] },
    ...['kill', 'power', 'wipe', 'start', 'pause', 'continue', 'leave', 'remove'].map((name) => ({
      atMs: 8,
      do: name,
      node: 'n3',
    })),
    { atMs: 9, do: 'skew', node: 'n2', byMs: -250 },
    { atMs: 10, do: 'join', node: 'n6' },
    { atMs: 11, do: 'replace', node: 'n4', with: 'n7', lost: true },
    { atMs: 12, do: 'cancel' },
  ],
})

describe('a link', () => {
  it('holds every action', () => {
    const link = linkOfPlan(PLAN)
    expect(planOfLink(`#${link}`)).toEqual(PLAN)
    expect(planOfLink(link)).toEqual(PLAN)
    // Every character may stand after the # of an address.
    expect(link).toMatch(/^[\w.~!$&'()*+,;=:@/?%-]+$/)
  })

  it('can be read by people', () => {
    const { actions } = PLAN
    const plan = { seed: 'cart', nodes: 5, endMs: 9000, actions: actions.slice(6, 9) }
    expect(linkOfPlan(plan)).toBe(
      'seed=cart&nodes=5&end=9000&do=4:cut:n1:n2,n3;5:cut:n1,n2:n3:oneWay=true:kind=hold;6:heal',
    )
  })

  it('may name no plan, or have other parts', () => {
    expect(planOfLink('')).toBeUndefined()
    expect(planOfLink('#lesson=2')).toBeUndefined()
    expect(planOfLink('#lesson=2&seed=s&nodes=3&end=5')).toEqual({
      seed: 's',
      nodes: 3,
      endMs: 5,
      actions: [],
    })
  })

  it.each([
    ['seed=s', 'the plan: nodes must be a whole number from 3 to 9'],
    ['seed=%E0&nodes=3&end=1', 'the link: a part of it is cut off or damaged'],
    ['seed=s&nodes=3&zones=x&end=1', 'the plan: zones must be a whole number from 1 to 9'],
    ['seed=s&nodes=3&end=1&do=0:burn:n1', 'the link: there is no action burn'],
    ['seed=s&nodes=3&end=1&do=0:toString', 'the link: there is no action toString'],
    ['seed=s&nodes=3&end=1&do=0:skew:n1', 'the link: skew needs byMs'],
    ['seed=s&nodes=3&end=1&do=0:kill:n1:hard=true', 'the link: kill has no field hard'],
    ['seed=s&nodes=3&end=1&do=x:kill:n1', 'actions[0] (kill): atMs must be ms from 0'],
    ['seed=s&nodes=3&end=1&do=0:kill:n4', 'kill at 0 ms: there is no n4'],
  ])('is refused: %s', (link, message) => {
    expect(() => planOfLink(link)).toThrow(message)
  })
})
