package registry

import (
	"cmp"
	"context"
	"net/mail"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// InviteSpec is a role for several people.
type InviteSpec struct {
	Emails    []string
	UserIDs   []int64
	Role      Role
	ExpiresAt *time.Time // as that of MemberSpec
}

// maxInvited bounds those who are invited at once, as in GitLab
// (Members::CreateService).
const maxInvited = 100

// invitees are the members to be made, each once.
func (spec InviteSpec) invitees() ([]MemberSpec, error) {
	var out []MemberSpec
	seen := map[MemberSpec]bool{}
	add := func(who MemberSpec) {
		if !seen[who] {
			seen[who], out = true, append(out, who)
		}
	}
	for _, e := range spec.Emails {
		if a, err := mail.ParseAddress(e); err != nil || a.Address != e {
			return nil, &fault.Error{Kind: fault.Invalid, Noun: "invitation", Field: "email", Msg: "contains an invalid email address"}
		}
		add(MemberSpec{Email: e})
	}
	for _, id := range spec.UserIDs {
		if id < 1 {
			return nil, &fault.Error{Kind: fault.Invalid, Noun: "invitation", Field: "user_id", Msg: "is invalid"}
		}
		add(MemberSpec{UserID: id})
	}
	switch {
	case len(out) == 0:
		return nil, &fault.Error{Kind: fault.Invalid, Noun: "invitation", Msg: "Must provide either email or user_id as a parameter"}
	case len(out) > maxInvited:
		return nil, &fault.Error{Kind: fault.Invalid, Noun: "invitation", Msg: "Too many users specified (limit is " + itoa(maxInvited) + ")"}
	}
	return out, nil
}

// Invite gives people a role at once, also those who have another in the place.
// What it gives are the reasons, by address, username or number, for those who
// could not get it; an address that no account has is one of them, for this server
// sends no mail. So whoever manages a place can find out whether an address has an
// account, as in GitLab.
func (s Session) Invite(ctx context.Context, ref PlaceRef, spec InviteSpec) (map[string]*fault.Error, error) {
	return update(ctx, s, func(tx Tx) (map[string]*fault.Error, error) {
		place, role, err := s.place(ctx, tx, ref, manageMembers)
		if err != nil {
			return nil, err
		}
		all, err := spec.invitees()
		if err != nil {
			return nil, err
		}
		reasons := map[string]*fault.Error{}
		for _, who := range all {
			who.Role, who.ExpiresAt = spec.Role, spec.ExpiresAt
			if err := s.invite(ctx, tx, place, role, who, reasons); err != nil {
				return nil, err
			}
		}
		return reasons, nil
	})
}

// invite gives one a role, or notes the reason why not.
func (s Session) invite(ctx context.Context, tx Tx, p Place, role Role, spec MemberSpec, reasons map[string]*fault.Error) error {
	u, old, err := s.memberNow(ctx, tx, p, spec)
	switch {
	case fault.Is(err, fault.NotFound) && spec.Email != "":
		reasons[spec.Email] = &fault.Error{Kind: fault.NotFound, Noun: "user", Msg: "no account has this address, and this server sends no mail: an administrator has to make the account first"}
		return nil
	case fault.Is(err, fault.NotFound):
		reasons[itoa(spec.UserID)] = &fault.Error{Kind: fault.NotFound, Noun: "user", Msg: "there is no such user"}
		return nil
	case err != nil:
		return err
	}
	if e, refused := fault.As(s.mayGive(role, u, old, spec)); refused {
		reasons[cmp.Or(spec.Email, u.Username)] = e
		return nil
	}
	_, err = s.giveRole(ctx, tx, p, u, old, spec)
	return err
}
