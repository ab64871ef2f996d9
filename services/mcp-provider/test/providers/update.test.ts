import t from 'tap'
import { testMeanwhile } from './update/meanwhile.ts'
import { testServer } from './update/server.ts'
import { startSetting } from './update/setting.ts'
import { testValues } from './update/values.ts'

const setting = await startSetting(t)

testValues(setting)
testServer(setting)
testMeanwhile(setting)
