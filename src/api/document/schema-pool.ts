/** Collects the schemas that have a title, and puts references to them where they are used. */
import { assert } from '../../core/assert.ts'
import type { Schema } from '../http/schema.ts'

export class SchemaPool {
  /** By title. */
  readonly schemas: Record<string, Schema> = {}

  /** The schema with references in the place of all schemas that have a title. */
  referring(schema: Schema): Schema {
    return this.#replaced(schema) as Schema
  }

  #replaced(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#replaced(item))
    if (typeof value !== 'object' || value === null) return value
    const members = Object.entries(value).map(([name, member]) => [name, this.#replaced(member)])
    const { title, ...rest } = Object.fromEntries(members) as Schema
    // `title` may also be the name of a described member. Then it has a schema, and no text.
    if (typeof title !== 'string') return title === undefined ? rest : { title, ...rest }
    this.schemas[title] ??= rest
    const isSame = JSON.stringify(this.schemas[title]) === JSON.stringify(rest)
    assert(isSame, `all schemas with the title ${title} are equal`)
    return { $ref: `#/components/schemas/${title}` }
  }
}
