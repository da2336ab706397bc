/** The texts of an answer count against the bound of all answers, until the answer has been sent. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { ANSWER_BYTES_MAX, AnswerRoom } from '../../../src/api/batch/answer-room.ts'
import { ByteBudget } from '../../../src/api/http/byte-budget.ts'

const response = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()))

test('answer room: a text outside Latin-1 takes two bytes a character', () => {
  const answers = new ByteBudget(10)
  const room = new AnswerRoom(answers, response())
  room.keep('abcd')
  expect(() => room.keep('abc€')).toThrow('no room for an answer of 8 bytes')
  room.keep('ab€')
  expect(answers.take(1)).toBe(false)
})

test('answer room: what a closed response kept is free again, and nothing more is counted', () => {
  const answers = new ByteBudget(10)
  const closed = response()
  const room = new AnswerRoom(answers, closed)
  room.keep('0123456789')
  closed.emit('close')
  room.keep('0123456789')
  expect(answers.take(10)).toBe(true)
})

test('answer room: the values of one answer have a bound of their own', () => {
  const room = new AnswerRoom(new ByteBudget(10), response())
  room.take(ANSWER_BYTES_MAX)
  expect(() => room.take(1)).toThrow('on top of 16777216')
})
