import type { Migrations } from '@onbehalf/service-kit'
import * as calls from './0001-calls.ts'
import * as keys from './0002-keys.ts'
import * as idempotency from './0003-idempotency.ts'
import * as chain from './0004-chain.ts'
import * as onlyAdded from './0005-only-added.ts'
import * as keptArguments from './0006-kept-arguments.ts'
import * as keptAnswers from './0007-kept-answers.ts'
import * as subject from './0008-subject.ts'

export const migrations: Migrations = {
  '0001-calls': calls,
  '0002-keys': keys,
  '0003-idempotency': idempotency,
  '0004-chain': chain,
  '0005-only-added': onlyAdded,
  '0006-kept-arguments': keptArguments,
  '0007-kept-answers': keptAnswers,
  '0008-subject': subject
}
