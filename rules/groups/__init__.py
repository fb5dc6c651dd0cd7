"""找朋友: interest groups, meet-ups, posts of people who look for company, and what neighbours see of each other.

| file | does |
|---|---|
| `finding` | a group as the actor sees it, and what the actor is in it |
| `founding` | a group is founded, changed, closed |
| `joining`, `requests`, `invitations` | becoming a member |
| `membership` | roles, leaving, removing, handing over; who is in a group |
| `meetups` | a group meets: guarded places |
| `activities` | proposals to staff, and real activities that are a group's |
| `posts` | what members write for each other |
| `partners`, `responses`, `messages` | 找搭子: who looks for company, who is in, what those two write |
| `cards`, `blocks`, `disclosing` | what a resident shows; whom they don't want to see; who a manager looked up |
| `addresses` | no dwelling in what strangers read |
| `limits` | how much one resident does on a day |
| `lapsing` | what ends by itself |

**Nobody can list residents.** What is answered of people names a membership, a post or a response, never a resident, and
shows a masked name, or that of the card if its owner turned it on and is met in a common group or as an answer to one's
post. Who is in a group is told to its members. So that nobody becomes a member of everything to read it all, joining is
limited by day. Whatever residents write is seen by others once moderation has passed it.

**Blocks** work both ways and without a word: each of the two no longer finds what the other wrote, and is answered as if
it weren't there.

Rows are locked in one order: the actor's daily count, the group, the member, then the request, invitation or meet-up and
its attendees; for partners the post, then the response. Guards: `members <= member_max` and "has an owner" in the group's
row, `taken <= capacity` in the meet-up's, `accepted <= wanted` in the post's, each by a guarded UPDATE with a CHECK behind.
"""
