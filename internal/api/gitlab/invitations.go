package gitlab

import (
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// invitationJSON has the fields of GitLab's entity Invitation.
type invitationJSON struct {
	AccessLevel   registry.Role `json:"access_level"`
	CreatedAt     stamp         `json:"created_at"`
	ExpiresAt     date          `json:"expires_at"`
	InviteEmail   string        `json:"invite_email"`
	CreatedByName string        `json:"created_by_name"`
}

type invitationFilter struct {
	paging
	Query string `param:"query" doc:"Part of the address."`
}

func (m members) invitations(c *call, in invitationFilter) ([]invitationJSON, error) {
	if _, err := in.page(); err != nil {
		return nil, err
	}
	return listed(c, in.paging, func(i registry.Member) invitationJSON {
		return invitationJSON{AccessLevel: i.Role, CreatedAt: stamp(i.CreatedAt), ExpiresAt: date(i.ExpiresAt)}
	})(c.s.Invitations(c.ctx(), m.place(c)))
}

type newInvitation struct {
	Emails      []string   `param:"email,commas" doc:"Addresses of accounts: a list, or one text with commas. Or give user_id."`
	UserIDs     []int64    `param:"user_id,commas" doc:"Numbers of users: a list, one, or one text with commas."`
	AccessLevel int64      `param:"access_level,required" doc:"5 minimal, 10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer, 50 owner; also for those who have another role there."`
	ExpiresAt   *time.Time `param:"expires_at" doc:"Day from which the role has ended."`
}

// invitedJSON is GitLab's answer: who could not be invited is told with status
// 201, too (lib/api/invitations.rb, Members::InviteService).
type invitedJSON struct {
	Status  string            `json:"status"`
	Message map[string]string `json:"message,omitempty"`
}

func (m members) invite(c *call, in newInvitation) (invitedJSON, error) {
	role, err := registry.ParseRole(in.AccessLevel)
	if err != nil {
		return invitedJSON{}, err
	}
	reasons, err := c.s.Invite(c.ctx(), m.place(c), registry.InviteSpec{Emails: in.Emails, UserIDs: in.UserIDs, Role: role, ExpiresAt: in.ExpiresAt})
	if err != nil || len(reasons) == 0 {
		return invitedJSON{Status: "success"}, err
	}
	out := invitedJSON{Status: "error", Message: map[string]string{}}
	for name, e := range reasons {
		out.Message[name] = reason(e)
	}
	return out, nil
}

// reason writes an error as Rails does: "Expires at cannot be a date in the past".
func reason(e *fault.Error) string {
	text := strings.TrimSpace(strings.ReplaceAll(e.Field, "_", " ") + " " + e.Msg)
	return strings.ToUpper(text[:1]) + text[1:]
}
