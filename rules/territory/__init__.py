"""Towns, the tree of places, and service centres.

| file | does |
|---|---|
| `towns` | a town by its code |
| `tree` | the tree from the city down to the building: looking, and where its nodes lie |
| `communities` | the directory: communities with their estates and centres |
| `opening` | whether a centre is open now, and when it opens next |
| `centres`, `services`, `duty` | what visitors see of centres: who does what for them, when |
| `keeping`, `rostering` | centres, services, hours and rosters as managers set them |

What managers change at one centre queues at the centre's row, which is taken before the rows of what is the centre's.
"""

from rules.territory.communities import Community, CommunityUnknown, list_communities, show_community
from rules.territory.towns import TownUnknown, find_town
from rules.territory.tree import PlaceUnknown

__all__ = [
    "Community",
    "CommunityUnknown",
    "PlaceUnknown",
    "TownUnknown",
    "find_town",
    "list_communities",
    "show_community",
]
