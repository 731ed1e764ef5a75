// Asks over HTTP by a client of the AI SDK, as its users do; prints what the client made of the stream, as JSON.
// node ai_client.mjs MODULE URL TOKEN QUESTION
const [module, url, token, question] = process.argv.slice(2);
const { DefaultChatTransport, readUIMessageStream } = await import(module);
const transport = new DefaultChatTransport({
  api: `${url}/v1/threads/new/runs`,
  headers: { Authorization: `Bearer ${token}` },
  prepareSendMessagesRequest: () => ({ body: { question } }),
});
const asked = { trigger: "submit-message", chatId: "c", messages: [], messageId: undefined, abortSignal: undefined };
let last = null;
let error = null;
const onError = (one) => { error = String(one); };
for await (const message of readUIMessageStream({ stream: await transport.sendMessages(asked), onError })) last = message;
console.log(JSON.stringify({ error, last }));
