import { testAnswers } from './hostile/answers.ts'
import { testHeld } from './hostile/held.ts'
import { testPassing } from './hostile/passing.ts'
import { testPassingEvents } from './hostile/passing-events.ts'
import { testRefusals } from './hostile/refusals.ts'
import { testSilence } from './hostile/silence.ts'
import { testStreams } from './hostile/streams.ts'

for (const test of [testAnswers, testRefusals, testStreams, testSilence, testPassing, testPassingEvents, testHeld])
  test()
