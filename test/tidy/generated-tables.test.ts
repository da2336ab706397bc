/**
 * Tables in README files that are written from the code, so that they cannot differ from it. Each stands between two
 * marks. After a change of the code this writes them again:
 *
 *   npx vitest --config test/vitest.config.ts --run --project unit test/tidy/generated-tables.test.ts -u
 */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { wordsOfRule } from '../../src/api/access/access-rule.ts'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import type { Endpoint, Tag } from '../../src/api/http/endpoint.ts'
import { KV_ENDPOINTS } from '../../src/api/values/kv-endpoints.ts'
import { EXIT_CODES } from '../../src/cli/outcome/exit-code.ts'
import { USAGE_EXIT_CODE } from '../../src/command-line/command.ts'
import { ERRORS } from '../../src/core/errors.ts'
import { describeSettings } from '../../src/server/settings/setting-table.ts'
import { MEMBERSHIP } from '../../src/simulation/plan/sim-fault.ts'
import { PLAN_DEFAULTS, type Plan } from '../../src/simulation/plan/plan.ts'
import { parseSimArguments, replayCommand } from '../../src/simulation/sim-arguments.ts'
import { FOUND_BUGS } from '../simulation/found-bugs.ts'
import { PROJECT_ROOT, readFiles } from './project-files.ts'

const END = '<!-- end of the generated table -->'

describe('the table is the one that the code gives', () => {
  test.each([
    ['src/simulation/README.md', 'found bugs', foundBugs()],
    ['src/api/README.md', 'values and buckets', endpoints('values', 'buckets')],
    ['src/api/README.md', 'other paths', endpoints('access', 'cluster', 'health', 'about')],
    ['src/api/README.md', 'query parameters of values', kvParameters()],
    ['src/api/README.md', 'errors', errors()],
    ['docker/settings.md', 'settings', settings()],
    ['src/cli/README.md', 'exit codes', exitCodes()],
  ])('%s: %s', async (path, name, table) => {
    const [document] = readFiles(path)
    const text = withTable(document?.text ?? '', name, table)
    await expect(text).toMatchFileSnapshot(join(PROJECT_ROOT, path))
  })
})

test('the command of a found bug gives its run', () => {
  for (const { plan } of FOUND_BUGS) {
    const words = optionsOf(plan).split(' ')
    expect(parseSimArguments(words)?.plan).toEqual({
      onlyFaults: undefined,
      ...PLAN_DEFAULTS,
      ...plan,
    })
  }
  expect(FOUND_BUGS.some(({ plan }) => plan.nemesis?.includes(MEMBERSHIP))).toBe(true)
})

test('a table without its marks is told', () => {
  expect(() => withTable('# A heading\n', 'errors', errors())).toThrow('errors')
})

function withTable(text: string, name: string, table: string): string {
  const begin = `<!-- generated table: ${name} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(END, from)
  if (from < 0 || to < 0) throw new Error(`the table of ${name} needs its marks: ${begin}, ${END}`)
  return `${text.slice(0, from)}${begin}\n\n${table}\n\n${text.slice(to)}`
}

function foundBugs(): string {
  const rows = FOUND_BUGS.map(
    ({ what, mendedIn, plan }) => `| ${what} | \`${optionsOf(plan)}\` | ${mendedIn} |`,
  )
  return ['| bug | `npm run sim --` | fixed in |', '| --- | --- | --- |', ...rows].join('\n')
}

/** The options of `npm run sim` that are not its defaults. */
function optionsOf(plan: Partial<Plan> & { readonly seed: string }): string {
  const words = replayCommand({ ...PLAN_DEFAULTS, ...plan }, undefined)
    .split(' --')
    .slice(2)
  const isGiven: Readonly<Record<string, unknown>> = {
    ...plan,
    seconds: true,
    workload: plan.workloads,
    faults: plan.onlyFaults,
  }
  return words
    .filter((option) => isGiven[option.split(' ')[0] as string] !== undefined)
    .map((option) => `--${option}`)
    .join(' ')
}

function endpoints(...tags: Tag[]): string {
  const rows = ENDPOINTS.filter(({ tag }) => tags.includes(tag)).map(
    ({ method, path, query = [], summary, access }) => {
      // The parameters of values have a table of their own.
      const names = path.includes('{key}')
        ? []
        : query.map(({ name, isBareAllowed }) => (isBareAllowed === true ? name : `${name}=`))
      const shown = names.length === 0 ? '' : `?${names.join('&')}`
      return `| \`${method} ${path}${shown}\` | ${summary} | ${wordsOfRule(access)} |`
    },
  )
  const head = ['| request | what it does | with a token, it needs |', '| --- | --- | --- |']
  return [...head, ...rows].join('\n')
}

function kvParameters(): string {
  const methodsOf = (name: string): string[] =>
    KV_ENDPOINTS.filter(({ query = [] }) => query.some((other) => other.name === name)).map(
      ({ method }: Endpoint) => method,
    )
  const parameters = new Map(
    KV_ENDPOINTS.flatMap(({ query = [] }) => query).map((parameter) => [parameter.name, parameter]),
  )
  const rows = [...parameters.values()].map(({ name, schema, meaning }) => {
    const methods = methodsOf(name)
    const where = methods.length === KV_ENDPOINTS.length ? 'all' : methods.join(', ')
    const { enum: choices, type, minimum, maximum } = schema
    const bounds = minimum === undefined ? '' : `${minimum} to ${maximum ?? 'N'}`
    const values = type === 'boolean' ? 'true, false' : (choices?.join(', ') ?? bounds)
    return `| \`${name}=\` | ${where} | ${values} | ${meaning} |`
  })
  const head = ['| parameter | methods | values | meaning |', '| --- | --- | --- | --- |']
  return [...head, ...rows].join('\n')
}

function exitCodes(): string {
  const all = [...EXIT_CODES, [USAGE_EXIT_CODE, 'wrong arguments'] as const]
  const rows = all.toSorted(([a], [b]) => a - b).map(([code, text]) => `| ${code} | ${text} |`)
  return ['| code | meaning |', '| --- | --- |', ...rows].join('\n')
}

function errors(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, outcome, retryable, title }]) =>
      `| ${status} | \`${code}\` | ${outcome} | ${retryable ? 'yes' : 'no'} | ${title} |`,
  )
  const head = ['| status | code | outcome | retry | title |', '| --- | --- | --- | --- | --- |']
  return [...head, ...rows].join('\n')
}

function settings(): string {
  const lines = describeSettings().matchAll(/^ {2}((?:QUORATE|OTEL)_\w+) +(\S+|\(\w+\)) +(\S.*)$/gm)
  const rows = [...lines].map(([, name, fallback = '', about = '']) => {
    const shown = fallback.startsWith('(') ? fallback.slice(1, -1) : `\`${fallback}\``
    // As text: `<peer port>` is no tag of HTML, and a star begins no emphasis.
    const text = about.replaceAll('<', '&lt;').replaceAll(/[|*]/g, String.raw`\$&`)
    return `| \`${name}\` | ${shown} | ${text} |`
  })
  return ['| setting | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}
