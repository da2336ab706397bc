/** The alert rules and the dashboard, and which metrics and labels their expressions name. */
import { parse } from 'yaml'
import { readFiles } from '../tidy/project-files.ts'

export const RULES_PATH = 'docker/observability/rules.yml'
const DASHBOARD_PATH = 'docker/observability/grafana/dashboards/quorate.json'

/** An expression in PromQL, and what shows or uses it. */
export interface Expression {
  readonly of: string
  readonly text: string
}

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface RulesFile {
  readonly groups: readonly { readonly rules: readonly AlertRule[] }[]
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

export function readAlertRules(): readonly AlertRule[] {
  const { groups } = parse(read(RULES_PATH)) as RulesFile
  return groups.flatMap(({ rules }) => rules)
}

/** With a range in place of Grafana's variable. */
export function readPanelExpressions(): readonly Expression[] {
  const { panels } = JSON.parse(read(DASHBOARD_PATH)) as Dashboard
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ of: title, text: expr.replaceAll('$__rate_interval', '1m') })),
  )
}

const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g
const SELECTOR = /\{([^}]*)\}/g
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g
/** An identifier that is not called like a function, and not part of a number such as 5m. */
const NAME = /(?<![\w:.$])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()/g
const KEYWORDS = ['and', 'or', 'unless', 'offset', 'bool', 'by', 'without', 'on', 'ignoring']

/** The metrics that an expression in PromQL names. Prometheus itself checks the syntax (alerts.test.ts). */
export function metricsIn(expression: string): readonly string[] {
  const bare = expression
    .replaceAll(STRING, '""')
    .replaceAll(SELECTOR, ' ')
    .replaceAll(GROUPING, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
  const names = [...bare.matchAll(NAME)].map(([name]) => name)
  return [...new Set(names)].filter((name) => !KEYWORDS.includes(name))
}

/** The labels that it selects or groups by. */
export function labelsIn(expression: string): readonly string[] {
  const bare = expression.replaceAll(STRING, '""')
  const lists = [...bare.matchAll(SELECTOR), ...bare.matchAll(GROUPING)].map(
    ([, list = '']) => list,
  )
  return lists.flatMap((list) => [...list.matchAll(/[a-zA-Z_]\w*/g)].map(([label]) => label))
}

function read(path: string): string {
  const [file] = readFiles(path)
  if (file === undefined) throw new Error(`there is no ${path}`)
  return file.text
}
