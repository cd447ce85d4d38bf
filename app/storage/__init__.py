"""Where the files of posts are kept. STORAGE says which of the kinds there are; `storage()` is the one."""

from app.storage import forgetting as forgetting  # its job is left by name, by who cannot import it
from app.storage.choosing import storage
from app.storage.storage import Kept, Storage

__all__ = ["Kept", "Storage", "storage"]
