package trivet_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/stripe"
)

// A program that has the service beside its own pages, under a path of its own.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	account, err := stripe.New(stripe.Config{
		Account:        "stripe",
		SecretKey:      os.Getenv("STRIPE_SECRET_KEY"),
		WebhookSecrets: []string{os.Getenv("STRIPE_WEBHOOK_SECRET")},
	})
	if err != nil {
		log.Fatal(err)
	}
	service, err := trivet.New(ctx, trivet.Config{
		PublicURL: "https://example.com/billing",
		Database:  "sqlite:trivet.db",
		Providers: []provider.Driver{account},
		Plans:     []billing.Plan{{ID: "pro", Features: []string{"export"}, Prices: map[string][]string{"stripe": {"price_1"}}}},
		APIKeys:   []string{os.Getenv("TRIVET_API_KEY")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer service.Close()
	go func() {
		if err := service.Run(ctx); err != nil {
			log.Print(err)
			stop()
		}
	}()

	http.Handle("/billing/", http.StripPrefix("/billing", service.Handler()))
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the product") })
	server := &http.Server{Addr: "127.0.0.1:8080", ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.WithoutCancel(ctx))
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Print(err)
	}
}

// Under a path, with the prefix taken away, all is where public_url says.
func ExampleService_Handler() {
	dir, err := os.MkdirTemp("", "trivet-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	account, err := stripe.New(stripe.Config{Account: "stripe", SecretKey: "sk_test_example", WebhookSecrets: []string{"whsec_example"}})
	if err != nil {
		log.Fatal(err)
	}
	service, err := trivet.New(context.Background(), trivet.Config{
		PublicURL: "https://example.com/billing", Database: "sqlite:" + dir + "/trivet.db", Providers: []provider.Driver{account}, APIKeys: []string{"a-long-random-text"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer service.Close()
	mux := http.NewServeMux()
	mux.Handle("/billing/", http.StripPrefix("/billing", service.Handler()))
	request := httptest.NewRequest(http.MethodGet, "/billing/v1/check?customer=user_42&feature=export", http.NoBody)
	request.Header.Set("Authorization", "Bearer a-long-random-text")
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, request)
	fmt.Println(answer.Code)
	// Output: 200
}
