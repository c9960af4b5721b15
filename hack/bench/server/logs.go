package server

import (
	"bufio"
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// logs writes every conversation's log: name, seq and client_msg_id, a line each.
func logs(st store.Store, convs int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out := bufio.NewWriter(w)
		defer out.Flush() //nolint:errcheck // whoever reads it notices
		for i := range convs {
			v, err := store.NewConv(Tenant, fmt.Sprint("c", i))
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			for from := uint64(1); ; {
				page, err := st.Read(r.Context(), v, from, 1000)
				if err != nil {
					panic(http.ErrAbortHandler)
				}
				if len(page) == 0 {
					break
				}
				for _, b := range page {
					for _, e := range b.Batch.GetEntries() {
						fmt.Fprintln(out, v.ID(), e.GetSeq(), e.GetClientMsgId()+".")
					}
				}
				from = store.Last(page[len(page)-1].Batch) + 1
			}
		}
		fmt.Fprintln(out, "end")
	}
}
