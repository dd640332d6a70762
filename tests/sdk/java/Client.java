// A microservice written with the unmodified Java SDK: fetches its configuration, sends a message over REST and takes it back, then
// sends and receives over the message socket. Usage: java -cp SDK.jar Client.java HOST PORT MESSAGES, with SELFNAME as its id.
//
// What is in the way is the SDK's own, whatever Agent answers: it wants the time of a receipt over REST as text, where it is a number,
// and then waits for ever; it writes the publishers of a query as one text; and it waits for ever for a socket that opens quickly.

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import javax.json.JsonObject;
import org.eclipse.iofog.api.IOFogClient;
import org.eclipse.iofog.api.listener.IOFogAPIListener;
import org.eclipse.iofog.elements.IOMessage;

public class Client {
    static final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();

    public static void main(String[] words) throws Exception {
        String self = System.getenv("SELFNAME");
        int count = Integer.parseInt(words[2]);
        IOFogClient client = new IOFogClient(words[0], Integer.parseInt(words[1]), self);
        Listener listener = new Listener();

        client.fetchContainerConfig(listener);
        System.out.println("config " + ((JsonObject) heard.take()).getString("rate"));

        Thread sending = new Thread(() -> client.pushNewMessage(message("1000"), listener));
        sending.setDaemon(true);
        sending.start();
        heard.take();
        while (heard.isEmpty()) {
            client.fetchNextMessage(listener);
            Thread.sleep(20);
        }
        expect("1000", heard.take());

        Thread waking = new Thread(Client::wake);
        waking.setDaemon(true);
        waking.start();
        client.openControlWebSocket(listener);
        client.openMessageWebSocket(listener);
        for (int number = 0; number < count; number++) {
            send(client, message(Integer.toString(number)));
        }
        int received = 0, receipts = 0;
        while (received < count || receipts < count) {
            Object next = heard.take();
            if (next instanceof Long) {
                receipts++;
            } else {
                expect(Integer.toString(received), next);
                received++;
            }
        }
        System.out.println("received " + received + " in order, with " + receipts + " receipts");
        System.exit(0);
    }

    /** The SDK waits at this lock for a socket to open, also when it is open. */
    static void wake() {
        try {
            while (true) {
                Thread.sleep(500);
                synchronized (Boolean.TRUE) {
                    Boolean.TRUE.notifyAll();
                }
            }
        } catch (InterruptedException end) {
            return;
        }
    }

    static void send(IOFogClient client, IOMessage message) throws Exception {
        while (true) {
            try {
                client.sendMessageToWebSocket(message);
                return;
            } catch (IllegalArgumentException notYetOpen) {
                Thread.sleep(20);
            }
        }
    }

    static IOMessage message(String content) {
        IOMessage message = new IOMessage();
        message.setInfoType("text");
        message.setInfoFormat("utf-8");
        message.setContextData(new byte[0]);
        message.setContentData(content.getBytes());
        return message;
    }

    static void expect(String wanted, Object found) {
        if (!wanted.equals(found)) {
            System.err.println("expected " + wanted + ", got " + found);
            System.exit(1);
        }
    }

    /** Passes on what it is told: contents as text, receipts as their time, a configuration as it is. */
    static class Listener implements IOFogAPIListener {
        @Override
        public void onMessages(List<IOMessage> messages) {
            messages.forEach(one -> heard.add(new String(one.getContentData())));
        }

        @Override
        public void onMessagesQuery(long start, long end, List<IOMessage> messages) {
            heard.add(messages.size());
        }

        @Override
        public void onError(Throwable cause) {
            if (cause instanceof ClassCastException) {
                heard.add(System.currentTimeMillis());
                return;
            }
            cause.printStackTrace();
            System.exit(1);
        }

        @Override
        public void onBadRequest(String error) {
            heard.add("refused: " + error);
        }

        @Override
        public void onMessageReceipt(String id, long timestamp) {
            heard.add(timestamp);
        }

        @Override
        public void onNewConfig(JsonObject config) {
            heard.add(config);
        }

        @Override
        public void onNewConfigSignal() {}
    }
}
