import java.util.Arrays;
import javax.jms.BytesMessage;
import javax.jms.Connection;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.Session;
import javax.jms.TextMessage;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * Uses the router as the Java Agent does: polls that find nothing (each drains the link's credit), then messages,
 * some of them large. Arguments: port, polls.
 */
public class Peer {
    private static final int MESSAGES = 500;

    public static void main(String[] arguments) throws Exception {
        String url = "amqp://127.0.0.1:" + arguments[0] + "?jms.prefetchPolicy.all=0&amqp.saslMechanisms=ANONYMOUS";
        int polls = Integer.parseInt(arguments[1]);
        try (Connection connection = new JmsConnectionFactory(url).createConnection()) {
            Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
            MessageConsumer consumer = session.createConsumer(session.createQueue("jms"));
            connection.start();
            for (int n = 0; n < polls; n++) {
                if (consumer.receiveNoWait() != null) {
                    throw new IllegalStateException("a message that nobody sent");
                }
            }
            Session other = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            MessageProducer producer = other.createProducer(other.createQueue("jms"));
            for (int n = 0; n < MESSAGES; n++) {
                exchange(other, producer, consumer, n);
            }
            if (consumer.receiveNoWait() != null) {
                throw new IllegalStateException("a message came twice");
            }
            System.out.println("polled " + polls + ", exchanged " + MESSAGES);
        }
    }

    /** One message there and back; the sender waits for its outcome in a thread of its own. */
    private static void exchange(Session session, MessageProducer producer, MessageConsumer consumer, int n)
            throws Exception {
        byte[] large = new byte[n % 100 == 0 ? 300_000 : 100];
        Arrays.fill(large, (byte) n);
        BytesMessage message = session.createBytesMessage();
        message.setIntProperty("n", n);
        message.writeBytes(large);
        Exception[] failed = new Exception[1];
        Thread sender = new Thread(() -> {
            try {
                producer.send(message);
            } catch (Exception error) {
                failed[0] = error;
            }
        });
        sender.start();
        Message received = consumer.receive(30_000);
        if (!(received instanceof BytesMessage bytes) || received instanceof TextMessage) {
            throw new IllegalStateException("message " + n + " did not come: " + received);
        }
        byte[] body = new byte[(int) bytes.getBodyLength()];
        bytes.readBytes(body);
        if (received.getIntProperty("n") != n || !Arrays.equals(body, large)) {
            throw new IllegalStateException("message " + n + " came changed");
        }
        received.acknowledge();
        sender.join();
        if (failed[0] != null) {
            throw failed[0];
        }
    }
}
