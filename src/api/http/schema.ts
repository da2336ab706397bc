/**
 * JSON Schemas (draft 2020-12) as data. A parser keeps the schema of what it takes beside it, made of the same
 * constants, so that the document of the interface says what the parser does. Nothing is validated with them at run
 * time.
 */

/** A schema with a `title` stands under that name in the document, and is referred to wherever it is used. */
export interface Schema {
  readonly title?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | false
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly [keyword: string]: unknown
}

export const TEXT: Schema = { type: 'string' }
export const BOOLEAN: Schema = { type: 'boolean' }
export const COUNT: Schema = { type: 'integer', minimum: 0 }
export const NUMBER: Schema = { type: 'number' }

/** The schema with a sentence about what the value means. */
export function about(schema: Schema, description: string): Schema {
  return { ...schema, description }
}

export function choiceOf(choices: readonly string[]): Schema {
  return { type: 'string', enum: choices }
}

export function patternOf({ source }: RegExp): Schema {
  return { type: 'string', pattern: source }
}

export function listOf(items: Schema): Schema {
  return { type: 'array', items }
}

/** An object whose names are data, such as the ids of nodes. */
export function mapOf(values: Schema): Schema {
  return { type: 'object', additionalProperties: values }
}

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] }
}

/**
 * The schema of the objects of type T: the compiler refuses a member that T has and the schema lacks, and the reverse.
 * All members are required but those in `optional`.
 */
export function objectOf<T extends object>(
  title: string,
  properties: Readonly<Record<keyof T & string, Schema>>,
  optional: readonly (keyof T & string)[] = [],
): Schema {
  const names = Object.keys(properties) as (keyof T & string)[]
  return {
    title,
    type: 'object',
    properties,
    required: names.filter((name) => !optional.includes(name)),
  }
}
