// A microservice written with the unmodified Node SDK: fetches its configuration, sends messages over REST, and receives them over
// REST and the message socket. Usage: node client.js HOST PORT MESSAGES, with IOFOG_NODE_SDK naming the SDK's folder.
//
// Receipts on the socket end the SDK on Node 10 and later, whatever Agent sends them: it reads their eight bytes of time with a
// function that takes six at most. So nothing is sent over the socket here.
'use strict'

const sdk = require(process.env.IOFOG_NODE_SDK)

const [host, port, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]

function fail (what) {
  return error => { console.error(what, error); process.exit(1) }
}

function message (number) {
  return sdk.ioMessage({
    tag: '', groupid: '', sequencenumber: number, sequencetotal: 0, priority: 0, authid: '', authgroup: '',
    chainposition: 0, hash: '', previoushash: '', nonce: '', difficultytarget: 0, infotype: 'text', infoformat: 'utf-8',
    contextdata: Buffer.from(''), contentdata: Buffer.from(String(number))
  })
}

function callbacks (own) {
  return { onError: fail('error'), onBadRequest: fail('bad request'), ...own }
}

function content (one) {
  return Buffer.from(one.contentdata).toString()
}

// One message by POST, taken back by polling and by a query.
function rest (next) {
  const taken = receipt => function poll () {
    sdk.getNextMessages(callbacks({
      onMessages (messages) {
        if (messages.length === 0) return setTimeout(poll, 20)
        if (content(messages[0]) !== '1000') fail('took')(messages[0])
        sdk.getMessagesByQuery(receipt - 1000, receipt + 1000, [process.env.SELFNAME], callbacks({
          onMessagesQuery (_start, _end, found) {
            console.log('query finds', found.length)
            next()
          }
        }))
      }
    }))
  }
  sdk.sendNewMessage(message(1000), callbacks({ onMessageReceipt: (_id, timestamp) => taken(timestamp)() }))
}

// Messages sent by POST, one after the other, arrive over the socket in order.
function socket () {
  let received = 0
  const post = number => {
    if (number < count) sdk.sendNewMessage(message(number), callbacks({ onMessageReceipt: () => post(number + 1) }))
  }
  sdk.wsControlConnection(callbacks({ onNewConfigSignal () {} }))
  sdk.wsMessageConnection(() => post(0), callbacks({
    onMessages (messages) {
      for (const one of messages) {
        if (content(one) !== String(received)) fail('out of order')(content(one))
        received++
      }
      if (received < count) return
      console.log('received', count)
      process.exit(0)
    },
    onMessageReceipt () {}
  }))
}

setTimeout(fail('nothing happens any more'), 60000)
sdk.init(host, port, null, () => {
  sdk.getConfig(callbacks({
    onNewConfig (config) {
      console.log('config', config.rate)
      rest(socket)
    }
  }))
})
