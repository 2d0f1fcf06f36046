import { expect, test } from 'vitest'
import { parseSecret } from './parse-secret.ts'

test.each([
  ['id=s,src=/f', { file: '/f' }],
  ['id=s,source=/f,type=file', { file: '/f' }],
  ['id=s,env=X', { env: 'X' }],
  ['type=env,id=s,src=X', { env: 'X' }],
  ['type=env,id=s', { env: 's' }],
  ['id=s', { file: 's' }],
  ['ID=s,SRC=/f', { file: '/f' }],
  ['id=s,"src=/a,b"', { file: '/a,b' }],
])('the secret %s is read', (text, secret) => {
  expect(parseSecret(text, {})).toEqual(['s', secret])
})

test('an id alone is the variable of that name, if there is one', () => {
  expect(parseSecret('id=TOKEN', { TOKEN: '' })).toEqual(['TOKEN', { env: 'TOKEN' }])
  expect(parseSecret('id=TOKEN,type=file', { TOKEN: '' })).toEqual(['TOKEN', { file: 'TOKEN' }])
})

test.each([
  '',
  'src=/f',
  'id=',
  'id=s,type=vault',
  'id=s,file=/f',
  'id=s,src',
  'id=s,src=/f,env=X',
  'id=s,env=X,type=file',
])('the secret %j cannot be read', (text) => {
  expect(() => parseSecret(text, {})).toThrow('Cannot read --secret')
})
