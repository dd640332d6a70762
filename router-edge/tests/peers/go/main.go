// Sends messages through the router with go-amqp, one of them large, receives and judges them, and drains what is
// left of the credit. Argument: the port.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/Azure/go-amqp"
)

const count = 1000
const large = 700

func body(n int) []byte {
	if n == large {
		return make([]byte, 3_000_000)
	}
	return []byte("fifty bytes or so, as a sensor sends them each time")
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := exchange(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func exchange(ctx context.Context, port string) error {
	conn, err := amqp.Dial(ctx, "amqp://127.0.0.1:"+port, &amqp.ConnOptions{SASLType: amqp.SASLTypeAnonymous()})
	if err != nil {
		return err
	}
	defer conn.Close()
	session, err := conn.NewSession(ctx, nil)
	if err != nil {
		return err
	}
	receiver, err := session.NewReceiver(ctx, "go", &amqp.ReceiverOptions{Credit: -1})
	if err != nil {
		return err
	}
	if err := receiver.IssueCredit(count + 100); err != nil {
		return err
	}
	sender, err := session.NewSender(ctx, "go", nil)
	if err != nil {
		return err
	}
	judged := make(chan error, 1)
	go func() { judged <- judge(ctx, receiver) }()
	var accepted, rejected int
	for n := range count {
		message := amqp.NewMessage(body(n))
		message.ApplicationProperties = map[string]any{"n": int64(n)}
		err := sender.Send(ctx, message, nil)
		var reason *amqp.Error
		switch {
		case err == nil:
			accepted++
		case errors.As(err, &reason) && reason.Condition == "test:rejected":
			rejected++
		default:
			return fmt.Errorf("message %d: %w", n, err)
		}
	}
	if err := <-judged; err != nil {
		return err
	}
	// A hundred are left.
	if err := receiver.DrainCredit(ctx, nil); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	fmt.Printf("accepted %d, rejected %d, drained\n", accepted, rejected)
	return nil
}

func judge(ctx context.Context, receiver *amqp.Receiver) error {
	for n := range count {
		message, err := receiver.Receive(ctx, nil)
		if err != nil {
			return err
		}
		if message.ApplicationProperties["n"] != int64(n) || len(message.GetData()) != len(body(n)) {
			return fmt.Errorf("message %d came changed or out of turn", n)
		}
		if n%100 == 1 {
			err = receiver.RejectMessage(ctx, message, &amqp.Error{Condition: "test:rejected"})
		} else {
			err = receiver.AcceptMessage(ctx, message)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
