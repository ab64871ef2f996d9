import t from 'tap'
import { AnswerScanner } from '../../src/client/answer-scanner.ts'

const isJson = (bytes: Buffer): boolean => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}

t.test('whatever is written wrong in an answer, it is read to its end only where all of it is JSON', (t) => {
  const written = Buffer.from(
    `{"id": 7, "result":{"content":[{"é€😀":"a\\n\\u00e9","n":[-1.5e+10,0,true,false,null,{},[]]}],"isError":true}}`
  )
  const signs = Buffer.from('{}[]",:\\u0e1-+.tfn \n\u0000\u00e9')
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  const reads = (bytes: Buffer, pieceLength: number): string => {
    const scanner = new AnswerScanner(7)
    try {
      for (let at = 0; at < bytes.length; at += pieceLength) scanner.push(bytes.subarray(at, at + pieceLength))
      scanner.end()
      return 'read'
    } catch (thrown) {
      return String(thrown)
    }
  }
  let valid = 0
  for (let round = 0; round < 10_000; round += 1) {
    const at = random(written.length)
    const sign = signs.subarray(random(signs.length))
    const put = [sign.subarray(0, 1), sign.subarray(0, 2), Buffer.alloc(0)][random(3)] ?? sign
    const bytes = Buffer.concat([written.subarray(0, at), put, written.subarray(at + random(2))])
    const told = reads(bytes, 1 + random(40))
    valid += isJson(bytes) ? 1 : 0
    const isRight = isJson(bytes) ? !/JSON|UTF|early/.test(told) : told !== 'read'
    if (!isRight) t.fail(`${told}: ${bytes}`)
  }
  t.ok(valid > 2_000 && valid < 8_000, `${valid} of them are JSON`)
  t.end()
})
